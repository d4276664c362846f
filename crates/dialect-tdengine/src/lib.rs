//! taosAdapter's HTTP interface (port 6041) on triglot's engine, after the fact sheet
//! `tdengine-http.md`: routes, headers, JSON, status codes. The SQL is `sql-tdengine`'s.
