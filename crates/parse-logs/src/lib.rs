//! Elasticsearch bulk, Loki pushes and newline-delimited JSON, read record by record.
