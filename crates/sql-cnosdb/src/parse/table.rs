//! Statements about tables and their rows.

use datafusion::sql::sqlparser::tokenizer::Token;

use triglot_functions::geometry::GeometryKind;

use super::input::{Input, Names};
use crate::ast::{FieldDef, Stmt, TableAlteration};
use crate::codec::{Codec, FieldType};
use crate::error::SqlError;

pub(super) fn create(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "TABLE"])?;
    let if_not_exists = p.if_not_exists()?;
    let table = p.table_name()?;
    if !p.token(&Token::LParen) {
        return Err(SqlError::parser("Expected field columns when create table"));
    }
    let mut fields = Vec::new();
    let mut tags = Vec::new();
    loop {
        if p.peeks("TAGS") {
            p.word("TAGS");
            tags = p.names()?;
            if fields.is_empty() {
                return Err(SqlError::parser("Expected field columns when create table"));
            }
            break;
        }
        fields.push(field(p)?);
        if !p.token(&Token::Comma) {
            break;
        }
    }
    p.expect_token(&Token::RParen)?;
    Ok(Stmt::CreateTable { table, if_not_exists, fields, tags })
}

pub(super) fn alter(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["ALTER", "TABLE"])?;
    let table = p.table_name()?;
    let change = if p.word("ADD") {
        if p.word("FIELD") {
            TableAlteration::AddField(field(p)?)
        } else if p.word("TAG") {
            TableAlteration::AddTag(p.name()?)
        } else {
            return p.expected("FIELD or TAG");
        }
    } else if p.word("DROP") {
        TableAlteration::Drop(p.name()?)
    } else if p.word("ALTER") {
        let column = p.name()?;
        p.expect_words(&["SET", "CODEC"])?;
        TableAlteration::SetCodec(column, codec(p)?)
    } else if p.word("RENAME") {
        p.expect_words(&["COLUMN"])?;
        let from = p.name()?;
        p.expect_words(&["TO"])?;
        TableAlteration::Rename(from, p.name()?)
    } else {
        return p.expected("ADD, ALTER, DROP or RENAME");
    };
    Ok(Stmt::AlterTable { table, change })
}

pub(super) fn drop(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DROP", "TABLE"])?;
    let if_exists = p.if_exists()?;
    Ok(Stmt::DropTable { table: p.table_name()?, if_exists })
}

pub(super) fn describe(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    if !p.word("DESC") {
        p.expect_words(&["DESCRIBE"])?;
    }
    if p.word("TABLE") {
        Ok(Stmt::DescribeTable(p.table_name()?))
    } else if p.word("DATABASE") {
        Ok(Stmt::DescribeDatabase(p.object_name()?))
    } else {
        Err(SqlError::parser(format!("Expected table/database, found: {}", p.found())))
    }
}

pub(super) fn insert(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["INSERT"])?;
    p.word("INTO");
    p.word("TABLE");
    let table = p.table_name()?;
    // A bracket may also begin the query; a column list is followed by VALUES or a query.
    let columns = match p.leading_words() {
        [first, second] if first == "(" && !matches!(second.as_str(), "SELECT" | "WITH" | "VALUES" | "(") => {
            Some(p.names()?)
        }
        _ => None,
    };
    Ok(Stmt::Insert { table, columns, source: p.query()? })
}

pub(super) fn update(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["UPDATE"])?;
    let table = p.table_name()?;
    p.expect_words(&["SET"])?;
    let mut assignments = Vec::new();
    loop {
        let column = p.name()?;
        p.expect_token(&Token::Eq)?;
        assignments.push((column, p.expr()?));
        if !p.token(&Token::Comma) {
            break;
        }
    }
    let filter = if p.word("WHERE") { Some(p.expr()?) } else { None };
    Ok(Stmt::Update { table, assignments, filter })
}

pub(super) fn delete(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DELETE", "FROM"])?;
    let table = p.table_name()?;
    let filter = if p.word("WHERE") { Some(p.expr()?) } else { None };
    Ok(Stmt::Delete { table, filter })
}

fn field(p: &mut Input<'_>) -> Result<FieldDef, SqlError> {
    let name = p.name()?;
    let ty = field_type(p, &name)?;
    let codec = if p.word("CODEC") { Some(codec(p)?) } else { None };
    Ok(FieldDef { name, ty, codec })
}

fn field_type(p: &mut Input<'_>, column: &str) -> Result<FieldType, SqlError> {
    for (word, ty) in [
        ("BIGINT", FieldType::BigInt),
        ("DOUBLE", FieldType::Double),
        ("BOOLEAN", FieldType::Boolean),
        ("STRING", FieldType::String),
    ] {
        if p.word(word) {
            let unsigned = ty == FieldType::BigInt && p.word("UNSIGNED");
            return Ok(if unsigned { FieldType::BigIntUnsigned } else { ty });
        }
    }
    if p.peeks("GEOMETRY") {
        return geometry(p, column);
    }
    p.expected("BIGINT, BIGINT UNSIGNED, DOUBLE, BOOLEAN, STRING or GEOMETRY")
}

/// `GEOMETRY(subtype, 0)`; the errors show the type as it was written (010041).
fn geometry(p: &mut Input<'_>, column: &str) -> Result<FieldType, SqlError> {
    let mut written = p.any_token();
    let mut arguments = Vec::new();
    if p.token(&Token::LParen) {
        while !p.token(&Token::RParen) {
            if p.end().is_ok() {
                return p.expected(")");
            }
            if !p.token(&Token::Comma) {
                arguments.push(p.any_token());
            }
        }
        written = format!("{written}({})", arguments.join(", "));
    }
    let unexpected = |what: &str| {
        let text = format!("Unexpected data type {written} of {column}, {what}");
        Err(SqlError::semantic("010041", text))
    };
    let [subtype, srid] = arguments.as_slice() else {
        return unexpected("format: GEOMETRY(<sub_type>, <srid>)");
    };
    let Some(kind) = GeometryKind::from_name(subtype) else {
        let all = GeometryKind::ALL.map(GeometryKind::name).join(", ");
        return unexpected(&format!("sub_type must be {all}"));
    };
    if srid == "0" {
        Ok(FieldType::Geometry(kind))
    } else {
        unexpected("currently only supports 0, Cartesian coordinate system")
    }
}

fn codec(p: &mut Input<'_>) -> Result<Codec, SqlError> {
    p.expect_token(&Token::LParen)?;
    let name = p.name()?;
    let codec =
        Codec::parse(&name).ok_or_else(|| SqlError::parser(format!("{name} is not valid encoding")))?;
    p.expect_token(&Token::RParen)?;
    Ok(codec)
}
