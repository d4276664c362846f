//! Conformance and architecture tests of the whole workspace.

mod answers;
mod http;
mod server;

mod agents;
mod architecture;
mod bad_input;
mod clients;
mod crash;
mod dialects;
mod dump;
mod files;
mod golden;
mod ingest;
mod ingest_bad;
mod kept_plans;
mod kw_select;
mod kw_show;
mod kwdb_http;
mod kwdb_ingest;
mod limits;
mod listeners;
mod metrics;
mod privileges;
mod random_sql;
mod read_back;
mod real_input;
mod scrape;
mod slt;
mod taos_bad_input;
mod taos_clients;
mod taos_codes;
mod taos_limits;
mod taos_operation;
mod taos_reference;
mod tpch;
