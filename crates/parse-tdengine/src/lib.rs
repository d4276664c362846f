//! TDengine SQL: tokens, syntax trees and the parser, after the fact sheet `tdengine-sql.md`
//! sections 2 to 8 and 11 to 13. It knows no schema, no clock and no socket.

pub mod ast;
