//! Types and encodings of columns in TDengine's words.

use triglot_model::{ColumnDef, ColumnKind, ColumnType, GeomEncoding, LengthUnit, Precision};
use triglot_parse_tdengine::ast::{ColumnSpec, TypeName};

use super::errors;
use crate::{TaosError, TaosType};

/// The longest VARCHAR and VARBINARY of columns and of tags, and the longest NCHAR.
const MAX_BYTES: i64 = 65_517;
const MAX_TAG_BYTES: i64 = 16_382;
const MAX_CHARS: i64 = 16_379;
const MAX_TAG_CHARS: i64 = 4_095;
const BLOB_BYTES: u32 = 4_194_304;

/// What is stored for a written type, and the words that are kept where they cannot be derived from it.
pub(super) fn stored(
    spec: &ColumnSpec,
    is_tag: bool,
    precision: Precision,
) -> Result<(ColumnType, Option<String>), TaosError> {
    let (bytes, chars) = if is_tag { (MAX_TAG_BYTES, MAX_TAG_CHARS) } else { (MAX_BYTES, MAX_CHARS) };
    let length = |given: Option<i64>, max: i64| {
        let given = given.filter(|n| (1..=max).contains(n)).and_then(|n| u32::try_from(n).ok());
        given.ok_or_else(errors::bad_length)
    };
    let plain = |ty| Ok((ty, None));
    match &spec.ty {
        TypeName::Timestamp => plain(ColumnType::Ts(precision)),
        TypeName::Bool => plain(ColumnType::Bool),
        TypeName::TinyInt { unsigned: false } => plain(ColumnType::I8),
        TypeName::TinyInt { unsigned: true } => plain(ColumnType::U8),
        TypeName::SmallInt { unsigned: false } => plain(ColumnType::I16),
        TypeName::SmallInt { unsigned: true } => plain(ColumnType::U16),
        TypeName::Int { unsigned: false } => plain(ColumnType::I32),
        TypeName::Int { unsigned: true } => plain(ColumnType::U32),
        TypeName::BigInt { unsigned: false } => plain(ColumnType::I64),
        TypeName::BigInt { unsigned: true } => plain(ColumnType::U64),
        TypeName::Float => plain(ColumnType::F32),
        TypeName::Double => plain(ColumnType::F64),
        TypeName::Decimal { precision, scale } => {
            let fits = (1..=38).contains(precision) && (0..=*precision).contains(scale);
            let ty = u8::try_from(*precision).ok().zip(i8::try_from(*scale).ok());
            match ty.filter(|_| fits && !is_tag) {
                Some((precision, scale)) => plain(ColumnType::Decimal { precision, scale }),
                None => Err(bad_type(spec)),
            }
        }
        TypeName::Varchar(n) => {
            plain(ColumnType::Str { max: Some(length(*n, bytes)?), unit: LengthUnit::Bytes })
        }
        TypeName::Nchar(n) => {
            plain(ColumnType::Str { max: Some(length(*n, chars)?), unit: LengthUnit::Chars })
        }
        TypeName::Varbinary(n) => plain(ColumnType::Bytes { max: Some(length(*n, bytes)?) }),
        TypeName::Geometry(n) => {
            let n = length(*n, bytes)?;
            Ok((ColumnType::Geom(GeomEncoding::Wkb), Some(format!("GEOMETRY({n})"))))
        }
        TypeName::Json if is_tag => plain(ColumnType::Json),
        TypeName::Json => Err(TaosError::new(0x2652, "Only tag can be json type")),
        TypeName::Blob if is_tag => Err(bad_type(spec)),
        TypeName::Blob => Ok((ColumnType::Bytes { max: Some(BLOB_BYTES) }, Some("BLOB".to_owned()))),
    }
}

fn bad_type(spec: &ColumnSpec) -> TaosError {
    TaosError::new(0x2605, format!("Invalid value type: {}", spec.name.name))
}

/// The longest text or octets that a column or tag may be declared for; in characters for NCHAR.
pub(crate) const fn max_length(ty: TaosType, is_tag: bool) -> i64 {
    match (ty, is_tag) {
        (TaosType::Nchar, true) => MAX_TAG_CHARS,
        (TaosType::Nchar, false) => MAX_CHARS,
        (_, true) => MAX_TAG_BYTES,
        (_, false) => MAX_BYTES,
    }
}

/// Bytes that a value takes in a row at most.
pub(crate) fn row_bytes(ty: ColumnType, declared: Option<&str>) -> u64 {
    match ty {
        ColumnType::Bool | ColumnType::I8 | ColumnType::U8 => 1,
        ColumnType::I16 | ColumnType::U16 => 2,
        ColumnType::I32 | ColumnType::U32 | ColumnType::F32 => 4,
        ColumnType::I64 | ColumnType::U64 | ColumnType::F64 | ColumnType::Ts(_) => 8,
        ColumnType::Decimal { precision, .. } => {
            if precision <= 18 {
                8
            } else {
                16
            }
        }
        ColumnType::Str { max, unit: LengthUnit::Chars } => u64::from(max.unwrap_or(0)) * 4 + 2,
        // A BLOB lies beside the row.
        ColumnType::Bytes { .. } if declared == Some("BLOB") => 8,
        ColumnType::Str { max, .. } | ColumnType::Bytes { max } => u64::from(max.unwrap_or(0)) + 2,
        ColumnType::Json => 4097,
        ColumnType::Geom(_) => declared_length(declared).map_or(2, |n| u64::from(n) + 2),
    }
}

/// `n` of `GEOMETRY(n)`.
pub(crate) fn declared_length(declared: Option<&str>) -> Option<u32> {
    let (_, rest) = declared?.split_once('(')?;
    rest.trim_end_matches(')').parse().ok()
}

/// A column's type as definitions write it: `INT UNSIGNED`, `VARCHAR(20)`.
pub(crate) fn declared_type(column: &ColumnDef) -> String {
    let (ty, length) = crate::query::columns::of_column(column);
    match ty.fixed_length() {
        Some(_) => ty.to_string(),
        None => format!("{ty}({length})"),
    }
}

/// Encode, compress and level of a column (sheet section 4, "Table rules").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) encode: String,
    pub(crate) compress: String,
    pub(crate) level: String,
}

/// The encoding that is recorded for a column, or its type's default; none for tags.
pub(crate) fn encoding(column: &ColumnDef) -> Option<Encoding> {
    if column.kind == ColumnKind::Tag {
        return None;
    }
    let (encode, compress) = default_encoding(column.ty);
    let mut words = column.codec.as_deref().unwrap_or_default().split(' ');
    let mut next = |default: &str| words.next().filter(|w| !w.is_empty()).unwrap_or(default).to_owned();
    let encode = next(encode);
    let compress = next(compress);
    Some(Encoding { encode, compress, level: next("medium") })
}

fn default_encoding(ty: ColumnType) -> (&'static str, &'static str) {
    match ty {
        ColumnType::Ts(_) | ColumnType::I64 | ColumnType::U64 => ("delta-i", "lz4"),
        ColumnType::I8 | ColumnType::U8 | ColumnType::I16 | ColumnType::U16 => ("simple8b", "zlib"),
        ColumnType::I32 | ColumnType::U32 => ("simple8b", "lz4"),
        ColumnType::F32 | ColumnType::F64 => ("delta-d", "lz4"),
        ColumnType::Bool => ("bit-packing", "zstd"),
        ColumnType::Decimal { .. }
        | ColumnType::Str { .. }
        | ColumnType::Bytes { .. }
        | ColumnType::Json
        | ColumnType::Geom(_) => ("disabled", "zstd"),
    }
}

/// What is recorded of ENCODE, COMPRESS and LEVEL; none if nothing was written.
///
/// # Errors
/// 0x0231 … 0x0234: words that do not exist, or that do not suit the type.
pub(super) fn codec(spec: &ColumnSpec, ty: ColumnType) -> Result<Option<String>, TaosError> {
    if spec.encode.is_none() && spec.compress.is_none() && spec.level.is_none() {
        return Ok(None);
    }
    let (default_encode, default_compress) = default_encoding(ty);
    let lower =
        |given: &Option<String>, default: &str| given.as_deref().unwrap_or(default).to_ascii_lowercase();
    let encode = lower(&spec.encode, default_encode);
    let suits: &[&str] = match ty {
        ColumnType::Ts(_) | ColumnType::I64 | ColumnType::U64 => &["delta-i", "simple8b", "disabled"],
        ColumnType::I8
        | ColumnType::U8
        | ColumnType::I16
        | ColumnType::U16
        | ColumnType::I32
        | ColumnType::U32 => &["simple8b", "delta-i", "disabled"],
        ColumnType::F32 | ColumnType::F64 => &["delta-d", "bss", "disabled"],
        ColumnType::Bool => &["bit-packing", "disabled"],
        _ => &["disabled"],
    };
    if !suits.contains(&encode.as_str()) {
        return Err(TaosError::new(0x0231, "Invalid encode param"));
    }
    let compress = lower(&spec.compress, default_compress);
    if !["lz4", "zlib", "zstd", "tsz", "xz", "disabled"].contains(&compress.as_str())
        || (compress == "tsz" && !matches!(ty, ColumnType::F32 | ColumnType::F64))
    {
        return Err(TaosError::new(0x0233, "Invalid compress param"));
    }
    let level = match lower(&spec.level, "medium").as_str() {
        "h" | "high" => "high",
        "m" | "medium" => "medium",
        "l" | "low" => "low",
        _ => return Err(TaosError::new(0x0234, "Invalid compress level param")),
    };
    Ok(Some(format!("{encode} {compress} {level}")))
}
