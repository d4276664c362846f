//! The binary from outside: processes, ports, signals, files.

mod server;

mod commands;
mod serving;
mod tools;
