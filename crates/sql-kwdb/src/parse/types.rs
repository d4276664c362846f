//! Types of columns by all their names (sheet 10.2).

use sqlparser::tokenizer::Token;
use triglot_parse_sql::Input;

use super::Parsed;
use crate::KwError;
use crate::types::{KwType, TypeSpec};

/// A type as it is written.
pub(super) struct Written {
    pub(super) spec: TypeSpec,
    /// SERIAL and its kin.
    pub(super) is_serial: bool,
}

/// Reads a type with its width. `INT` is INT4 in both engines; widths that a type has by default are not filled in here.
pub(super) fn spec(p: &mut Input<'_>) -> Parsed<Written> {
    let Some(word) = p.any_word() else { return p.expected("a type") };
    let plain = |ty| Ok(Written { spec: TypeSpec::plain(ty), is_serial: false });
    let serial = |ty| Ok(Written { spec: TypeSpec::plain(ty), is_serial: true });
    match word.as_str() {
        "BOOL" | "BOOLEAN" => plain(KwType::Bool),
        "INT2" | "SMALLINT" => plain(KwType::Int2),
        "INT" | "INT4" | "INTEGER" => plain(KwType::Int4),
        "INT8" | "BIGINT" | "INT64" => plain(KwType::Int8),
        "SERIAL2" | "SMALLSERIAL" => serial(KwType::Int2),
        "SERIAL4" => serial(KwType::Int4),
        "SERIAL" | "SERIAL8" | "BIGSERIAL" => serial(KwType::Int8),
        "FLOAT4" | "REAL" => plain(KwType::Float4),
        "FLOAT8" => plain(KwType::Float8),
        "FLOAT" => float(p),
        "DOUBLE" => {
            p.word("PRECISION");
            plain(KwType::Float8)
        }
        "DECIMAL" | "NUMERIC" | "DEC" => decimal(p),
        "TIMESTAMP" => timestamp(p, KwType::Timestamp),
        "TIMESTAMPTZ" => timestamp(p, KwType::TimestampTz),
        "DATE" => plain(KwType::Date),
        "TIME" => plain(KwType::Time),
        "INTERVAL" => plain(KwType::Interval),
        "CHARACTER" | "CHAR" if p.word("VARYING") => sized(p, KwType::Varchar),
        "CHARACTER" | "CHAR" => sized(p, KwType::Char),
        "VARCHAR" => sized(p, KwType::Varchar),
        "NCHAR" => sized(p, KwType::Nchar),
        "NVARCHAR" => sized(p, KwType::Nvarchar),
        "STRING" | "TEXT" => {
            let written = sized(p, KwType::String)?;
            let ty = if written.spec.width.is_some() { KwType::String } else { KwType::Text };
            Ok(Written { spec: TypeSpec { ty, ..written.spec }, ..written })
        }
        "BYTES" | "BYTEA" | "BLOB" => sized(p, KwType::Bytes),
        "VARBYTES" => sized(p, KwType::Varbytes),
        "GEOMETRY" => plain(KwType::Geometry),
        "JSON" | "JSONB" => plain(KwType::Jsonb),
        "UUID" => plain(KwType::Uuid),
        other => {
            let message = format!("type \"{}\" does not exist", other.to_ascii_lowercase());
            Err(KwError::new("42704", message).into())
        }
    }
}

/// `(n)`, if it is there.
fn width(p: &mut Input<'_>) -> Parsed<Option<u64>> {
    if !p.token(&Token::LParen) {
        return Ok(None);
    }
    let n = p.number()?;
    p.expect_token(&Token::RParen)?;
    Ok(Some(n))
}

fn sized(p: &mut Input<'_>, ty: KwType) -> Parsed<Written> {
    let width = match width(p)? {
        Some(0) => {
            let message = format!("length for type {} must be at least 1", ty.name().to_ascii_lowercase());
            return Err(KwError::new("42601", message).into());
        }
        // What is wider than any type is told so by whoever knows the column's name.
        Some(n) => Some(u32::try_from(n).unwrap_or(u32::MAX)),
        None => None,
    };
    Ok(Written { spec: TypeSpec { ty, width, scale: None }, is_serial: false })
}

/// `FLOAT(p)`: up to 24 binary digits are FLOAT4.
fn float(p: &mut Input<'_>) -> Parsed<Written> {
    let ty = match width(p)? {
        Some(1..=24) => KwType::Float4,
        None | Some(25..=53) => KwType::Float8,
        Some(_) => {
            let message = "precision for type float must be at least 1 bit and less than 54 bits";
            return Err(KwError::new("42601", message).into());
        }
    };
    Ok(Written { spec: TypeSpec::plain(ty), is_serial: false })
}

fn decimal(p: &mut Input<'_>) -> Parsed<Written> {
    let mut spec = TypeSpec::plain(KwType::Decimal);
    if p.token(&Token::LParen) {
        let digits = p.number()?;
        let scale = if p.token(&Token::Comma) { p.number()? } else { 0 };
        p.expect_token(&Token::RParen)?;
        if !(1..=38).contains(&digits) {
            return Err(KwError::new("22023", format!("precision {digits} out of range")).into());
        }
        if scale > digits {
            let message = format!("scale ({scale}) must be between 0 and precision ({digits})");
            return Err(KwError::new("42601", message).into());
        }
        spec.width = u32::try_from(digits).ok();
        spec.scale = u8::try_from(scale).ok();
    }
    Ok(Written { spec, is_serial: false })
}

/// `TIMESTAMP [(p)] [WITH | WITHOUT TIME ZONE]`; the precision is checked here, as in the server.
fn timestamp(p: &mut Input<'_>, named: KwType) -> Parsed<Written> {
    let digits = width(p)?;
    let ty = if p.words(&["WITH", "TIME", "ZONE"]) {
        KwType::TimestampTz
    } else {
        p.words(&["WITHOUT", "TIME", "ZONE"]);
        named
    };
    match digits {
        None => Ok(Written { spec: TypeSpec::plain(ty), is_serial: false }),
        Some(digits @ (3 | 6 | 9)) => {
            let width = u32::try_from(digits).ok();
            Ok(Written { spec: TypeSpec { ty, width, scale: None }, is_serial: false })
        }
        Some(digits) => Err(KwError::new("42611", format!("precision {digits} out of range")).into()),
    }
}
