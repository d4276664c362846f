use arrow_schema::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::Precision;

/// What a declared length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LengthUnit {
    /// Bytes of UTF-8 (TDengine VARCHAR, KWDB CHAR).
    Bytes,
    /// Unicode scalar values (NCHAR, NVARCHAR).
    Chars,
}

/// How a geometry value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GeomEncoding {
    /// Well-known text (CnosDB, KWDB).
    Wkt,
    /// (Extended) well-known binary (TDengine).
    Wkb,
}

/// The types that the engine stores: the union of the three dialects' types. The dialect's own
/// name for a column's type is kept beside it in [`crate::ColumnDef::declared`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnType {
    /// true or false.
    Bool,
    /// 8-bit signed integer.
    I8,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 8-bit unsigned integer.
    U8,
    /// 16-bit unsigned integer.
    U16,
    /// 32-bit unsigned integer.
    U32,
    /// 64-bit unsigned integer.
    U64,
    /// 32-bit IEEE float.
    F32,
    /// 64-bit IEEE float.
    F64,
    /// Exact decimal with `precision` digits (1..=38), `scale` of them behind the point.
    Decimal {
        /// All digits.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// Instant without zone (UTC), `i64` in the unit.
    Ts(Precision),
    /// UTF-8 text; `max` is the declared length, in `unit`.
    Str {
        /// Declared length, none = unbounded.
        max: Option<u32>,
        /// What `max` counts.
        unit: LengthUnit,
    },
    /// Octets; `max` is the declared length in bytes.
    Bytes {
        /// Declared length in bytes, none = unbounded.
        max: Option<u32>,
    },
    /// JSON text.
    Json,
    /// A geometry.
    Geom(GeomEncoding),
}

impl ColumnType {
    /// Unbounded UTF-8 text.
    pub const TEXT: Self = Self::Str { max: None, unit: LengthUnit::Bytes };

    /// The Arrow type of this column in memory and on disk.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::I8 => DataType::Int8,
            Self::I16 => DataType::Int16,
            Self::I32 => DataType::Int32,
            Self::I64 => DataType::Int64,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::F32 => DataType::Float32,
            Self::F64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Ts(p) => DataType::Timestamp(p.arrow(), None),
            Self::Str { .. } | Self::Json | Self::Geom(GeomEncoding::Wkt) => DataType::Utf8,
            Self::Bytes { .. } | Self::Geom(GeomEncoding::Wkb) => DataType::Binary,
        }
    }

    /// The Arrow type in which rows of this column leave storage: [`Self::arrow`], but text and binary
    /// values as views.
    pub fn read_arrow(self) -> DataType {
        match self.arrow() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            other => other,
        }
    }

    /// The unbounded core type that an Arrow type is stored as, if there is one.
    pub fn from_arrow(ty: &DataType) -> Option<Self> {
        Some(match ty {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::I8,
            DataType::Int16 => Self::I16,
            DataType::Int32 => Self::I32,
            DataType::Int64 => Self::I64,
            DataType::UInt8 => Self::U8,
            DataType::UInt16 => Self::U16,
            DataType::UInt32 => Self::U32,
            DataType::UInt64 => Self::U64,
            DataType::Float32 => Self::F32,
            DataType::Float64 => Self::F64,
            DataType::Decimal128(precision, scale) => Self::Decimal { precision: *precision, scale: *scale },
            DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Ts(Precision::Milli),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Ts(Precision::Micro),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Self::Ts(Precision::Nano),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::TEXT,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Self::Bytes { max: None },
            _ => return None,
        })
    }

    /// Whether every value of this type is also a value of `to`, so that a column may be changed
    /// from one to the other without touching files (they are cast up when read).
    pub fn widens_to(self, to: Self) -> bool {
        if self == to {
            return true;
        }
        match (self, to) {
            (Self::Str { max: a, unit: u }, Self::Str { max: b, unit: v }) => {
                let most = if u == LengthUnit::Chars && v == LengthUnit::Bytes { UTF8_MAX } else { 1 };
                longer(a.map(|n| n.saturating_mul(most)), b)
            }
            (Self::Bytes { max: a }, Self::Bytes { max: b }) => longer(a, b),
            (Self::F32, Self::F64) => true,
            (Self::Ts(a), Self::Ts(b)) => a.ns() > b.ns(),
            (Self::Decimal { precision: p, scale: s }, Self::Decimal { precision: q, scale: t }) => {
                t >= s && i16::from(q) - i16::from(t) >= i16::from(p) - i16::from(s)
            }
            _ => match (self.integer_bits(), to.integer_bits()) {
                (Some((signed_a, a)), Some((signed_b, b))) => {
                    (signed_a == signed_b && a <= b) || (!signed_a && signed_b && a < b)
                }
                (Some((signed, bits)), None) => match to {
                    Self::F64 => bits <= 32,
                    Self::Str { max, .. } => longer(Some(decimal_digits(signed, bits)), max),
                    _ => false,
                },
                _ => false,
            },
        }
    }

    /// `(signed, bits)` of an integer type.
    fn integer_bits(self) -> Option<(bool, u8)> {
        Some(match self {
            Self::I8 => (true, 8),
            Self::I16 => (true, 16),
            Self::I32 => (true, 32),
            Self::I64 => (true, 64),
            Self::U8 => (false, 8),
            Self::U16 => (false, 16),
            Self::U32 => (false, 32),
            Self::U64 => (false, 64),
            _ => return None,
        })
    }
}

/// Bytes of the longest character in UTF-8.
const UTF8_MAX: u32 = 4;

/// Characters of the longest integer in decimal, sign included.
fn decimal_digits(signed: bool, bits: u8) -> u32 {
    let digits = match bits {
        8 => 3,
        16 => 5,
        32 => 10,
        _ if signed => 19,
        _ => 20,
    };
    digits + u32::from(signed)
}

fn longer(from: Option<u32>, to: Option<u32>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a <= b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_never_loses_a_value() {
        assert!(ColumnType::I8.widens_to(ColumnType::I64));
        assert!(ColumnType::U32.widens_to(ColumnType::I64));
        assert!(!ColumnType::U64.widens_to(ColumnType::I64));
        assert!(!ColumnType::I64.widens_to(ColumnType::U64));
        assert!(ColumnType::I32.widens_to(ColumnType::F64));
        assert!(!ColumnType::I64.widens_to(ColumnType::F64));
        assert!(!ColumnType::F64.widens_to(ColumnType::F32));
        assert!(ColumnType::Ts(Precision::Milli).widens_to(ColumnType::Ts(Precision::Nano)));
    }

    #[test]
    fn text_widens_only_to_longer_text() {
        let of = |max, unit| ColumnType::Str { max, unit };
        assert!(of(Some(8), LengthUnit::Bytes).widens_to(of(Some(16), LengthUnit::Bytes)));
        assert!(!of(Some(16), LengthUnit::Bytes).widens_to(of(Some(8), LengthUnit::Bytes)));
        // n bytes hold at most n characters, but n characters may need 4 n bytes.
        assert!(of(Some(8), LengthUnit::Bytes).widens_to(of(Some(8), LengthUnit::Chars)));
        assert!(!of(Some(8), LengthUnit::Chars).widens_to(of(Some(8), LengthUnit::Bytes)));
        assert!(!of(Some(8), LengthUnit::Chars).widens_to(of(Some(31), LengthUnit::Bytes)));
        assert!(of(Some(8), LengthUnit::Chars).widens_to(of(Some(32), LengthUnit::Bytes)));
    }

    #[test]
    fn integers_widen_to_text_that_holds_the_longest() {
        let of = |max| ColumnType::Str { max: Some(max), unit: LengthUnit::Bytes };
        for (ty, longest) in [
            (ColumnType::I8, "-128"),
            (ColumnType::I16, "-32768"),
            (ColumnType::I32, "-2147483648"),
            (ColumnType::I64, "-9223372036854775808"),
            (ColumnType::U64, "18446744073709551615"),
        ] {
            let digits = u32::try_from(longest.len()).unwrap();
            assert!(ty.widens_to(of(digits)), "{ty:?}");
            assert!(!ty.widens_to(of(digits - 1)), "{ty:?}");
        }
        assert!(ColumnType::I32.widens_to(ColumnType::TEXT));
        assert!(!ColumnType::F64.widens_to(ColumnType::TEXT));
    }
}
