//! System tables that are always empty here: what they would list does not exist on this server.

use super::columns::Column;

/// Columns of a table without rows; none if there is no such table.
pub(super) fn table(name: &str) -> Option<Vec<Column>> {
    let columns: &[(&str, &str)] = match name {
        "ins_functions" => &[
            ("name", "V64"), ("comment", "V255"), ("aggregate", "INT"), ("output_type", "V31"),
            ("create_time", "TIMESTAMP"), ("code_len", "INT"), ("bufsize", "INT"), ("func_language", "V31"),
            ("func_body", "V16384"), ("func_version", "INT"),
        ],
        "ins_indexes" => &[
            ("index_name", "V192"), ("db_name", "V64"), ("table_name", "V192"), ("vgroup_id", "INT"),
            ("create_time", "TIMESTAMP"), ("column_name", "V64"), ("index_type", "V10"), ("index_extensions", "V256"),
        ],
        "ins_topics" => &[
            ("topic_name", "V192"), ("db_name", "V64"), ("create_time", "TIMESTAMP"), ("sql", "V49152"),
            ("schema", "V16384"), ("meta", "V4"), ("type", "V8"),
        ],
        "ins_subscriptions" => &[
            ("topic_name", "V204"), ("consumer_group", "V193"), ("vgroup_id", "INT"), ("consumer_id", "V32"),
            ("user", "V24"), ("fqdn", "V128"), ("offset", "V64"), ("rows", "BIGINT"),
        ],
        "ins_streams" => &[
            ("stream_name", "V192"), ("create_time", "TIMESTAMP"), ("stream_id", "V19"), ("sql", "V2048"),
            ("status", "V20"), ("source_db", "V64"), ("target_db", "V64"), ("target_table", "V192"),
            ("watermark", "BIGINT"), ("trigger", "V20"),
        ],
        "ins_stream_tasks" => &[
            ("stream_name", "V192"), ("task_id", "V16"), ("node_type", "V16"), ("node_id", "INT"),
            ("level", "V16"), ("status", "V16"),
        ],
        "ins_qnodes" | "ins_snodes" => {
            &[("id", "INT"), ("endpoint", "V134"), ("create_time", "TIMESTAMP")]
        }
        "ins_grants" => &[
            ("version", "V9"), ("cpu_cores", "V21"), ("dnodes", "V10"), ("streams", "V10"), ("users", "V10"),
            ("accounts", "V10"), ("storage", "V21"), ("connections", "V21"), ("databases", "V10"),
            ("speed", "V21"), ("querytime", "V21"), ("timeseries", "V21"), ("expired", "V5"), ("expire_time", "V19"),
        ],
        "ins_compacts" => {
            &[("compact_id", "INT"), ("db_name", "V64"), ("start_time", "TIMESTAMP")]
        }
        "ins_compact_details" => &[
            ("compact_id", "INT"), ("vgroup_id", "INT"), ("dnode_id", "INT"), ("number_fileset", "INT"),
            ("finished", "INT"), ("start_time", "TIMESTAMP"),
        ],
        "ins_transaction_details" => {
            &[("transaction_id", "INT"), ("action", "V30"), ("obj_type", "V40"), ("result", "V10"), ("target", "V300"), ("detail", "V100")]
        }
        "ins_disk_usage" => &[
            ("db_name", "V64"), ("vgroup_id", "INT"), ("wal", "BIGINT"), ("data1", "BIGINT"), ("data2", "BIGINT"),
            ("data3", "BIGINT"), ("cache_rdb", "BIGINT"), ("table_meta", "BIGINT"), ("s3", "BIGINT"), ("raw_data", "BIGINT"),
        ],
        "ins_filesets" => &[
            ("db_name", "V64"), ("vgroup_id", "INT"), ("fileset_id", "INT"), ("start_time", "TIMESTAMP"),
            ("end_time", "TIMESTAMP"), ("total_size", "BIGINT"), ("last_compact", "TIMESTAMP"), ("should_compact", "BOOL"),
        ],
        "ins_tsmas" => &[
            ("tsma_name", "V192"), ("db_name", "V64"), ("table_name", "V192"), ("target_db", "V64"),
            ("stream_name", "V192"), ("create_time", "TIMESTAMP"), ("interval", "V64"), ("create_sql", "V2048"),
            ("func_list", "V2048"),
        ],
        "ins_virtual_child_columns" => &[
            ("virtual_table_name", "V192"), ("virtual_stable_name", "V192"), ("db_name", "V64"), ("source", "V385"),
        ],
        "perf_connections" => &[
            ("conn_id", "INT"), ("user", "V24"), ("app", "V24"), ("pid", "INT"), ("end_point", "V47"),
            ("login_time", "TIMESTAMP"), ("last_access", "TIMESTAMP"), ("user_app", "V24"), ("user_ip", "V16"),
        ],
        "perf_consumers" => &[
            ("consumer_id", "V32"), ("consumer_group", "V192"), ("client_id", "V256"), ("user", "V24"),
            ("fqdn", "V128"), ("status", "V20"), ("topics", "V203"), ("up_time", "TIMESTAMP"),
            ("subscribe_time", "TIMESTAMP"), ("rebalance_time", "TIMESTAMP"), ("parameters", "V128"), ("rows", "BIGINT"),
        ],
        "perf_trans" => &[
            ("id", "INT"), ("create_time", "TIMESTAMP"), ("stage", "V12"), ("oper", "V16"), ("db", "V64"),
            ("stable", "V192"), ("failed_times", "INT"), ("last_exec_time", "TIMESTAMP"), ("last_action_info", "V511"),
        ],
        "perf_apps" => &[
            ("app_id", "BIGINT"), ("ip", "V16"), ("pid", "INT"), ("name", "V24"), ("start_time", "TIMESTAMP"),
            ("insert_req", "BIGINT"), ("insert_row", "BIGINT"), ("insert_time", "BIGINT"), ("insert_bytes", "BIGINT"),
            ("fetch_bytes", "BIGINT"), ("query_time", "BIGINT"), ("slow_query", "BIGINT"), ("total_req", "BIGINT"),
            ("current_req", "BIGINT"), ("last_access", "TIMESTAMP"),
        ],
        "perf_smas" => &[
            ("sma_name", "V192"), ("create_time", "TIMESTAMP"), ("stable_name", "V192"), ("vgroup_id", "INT"),
        ],
        _ => return None,
    };
    Some(columns.iter().map(|(name, ty)| Column::empty(name, ty)).collect())
}
