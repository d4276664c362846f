//! OpenTSDB's telnet lines and JSON puts, read without copies.
