//! Tables over files that triglot does not own.

use arrow_schema::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

use crate::DatabaseId;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Rows of text cells.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line.
    Json,
}

impl FileFormat {
    /// The usual ending of file names, without a dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Json => "json",
        }
    }
}

/// How a whole file of text is compressed. (Parquet compresses inside.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FileCompression {
    /// Not at all.
    #[default]
    None,
    /// gzip, RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// How files are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// The format.
    pub format: FileFormat,
    /// CSV: whether the first line names the columns.
    pub header: bool,
    /// CSV: the byte between cells.
    pub delimiter: u8,
    /// CSV and JSON: the compression of the whole file.
    pub compression: FileCompression,
}

impl FileOptions {
    /// The format with its defaults: no header, comma, no compression.
    pub const fn new(format: FileFormat) -> Self {
        Self { format, header: false, delimiter: b',', compression: FileCompression::None }
    }
}

/// A table over files: the catalog's entry. Its rows are read from the files as they are at the time
/// of each query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalTableDef {
    /// Its database; names of all kinds of tables in it are distinct.
    pub database: DatabaseId,
    /// Exact name.
    pub name: String,
    /// Where the files are, as it was written: a file, a directory or a glob.
    pub location: String,
    /// How they are read.
    pub options: FileOptions,
    /// The columns in the files.
    pub columns: Vec<FileColumn>,
    /// Columns whose values stand in the names of directories (`year=2024/`), behind the others.
    pub partitions: Vec<FileColumn>,
    /// Whether the columns were found in the files when the table was made, not declared.
    pub inferred: bool,
}

impl ExternalTableDef {
    /// Schema of the files, partition columns left out.
    pub fn file_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(FileColumn::field).collect::<Vec<_>>()))
    }

    /// All columns in the order of `SELECT *`.
    pub fn all_columns(&self) -> impl Iterator<Item = &FileColumn> {
        self.columns.iter().chain(&self.partitions)
    }
}

/// A column of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileColumn {
    /// Exact name.
    pub name: String,
    /// Its type.
    pub ty: FileType,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

impl FileColumn {
    /// As an Arrow field.
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.ty.arrow(), self.nullable)
    }
}

impl TryFrom<&Field> for FileColumn {
    type Error = UnsupportedFileType;

    fn try_from(field: &Field) -> Result<Self, UnsupportedFileType> {
        let unsupported =
            || UnsupportedFileType { column: field.name().clone(), ty: format!("{:?}", field.data_type()) };
        let ty = FileType::of(field.data_type()).ok_or_else(unsupported)?;
        Ok(Self { name: field.name().clone(), ty, nullable: field.is_nullable() })
    }
}

/// A column whose type no external table can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column} of type {ty} in an external table")]
pub struct UnsupportedFileType {
    /// The column.
    pub column: String,
    /// Arrow's name of the type.
    pub ty: String,
}

/// The types of columns of external tables: Arrow's, without its several layouts of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum FileType {
    Null,
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
    Text,
    Binary,
    /// Days since the epoch.
    Date32,
    /// Milliseconds since the epoch.
    Date64,
    /// Time of day; seconds and milliseconds are 32 bits wide.
    Time(FileTimeUnit),
    Timestamp {
        unit: FileTimeUnit,
        /// Name of the zone, none = without one.
        zone: Option<String>,
    },
    Duration(FileTimeUnit),
    IntervalYearMonth,
    IntervalDayTime,
    IntervalMonthDayNano,
    /// Exact decimal; more than 38 digits are kept in 256 bits.
    Decimal {
        precision: u8,
        scale: i8,
    },
    List(Box<FileColumn>),
    Struct(Vec<FileColumn>),
}

/// Units of times in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum FileTimeUnit {
    Second,
    Milli,
    Micro,
    Nano,
}

impl FileTimeUnit {
    const fn of(unit: TimeUnit) -> Self {
        match unit {
            TimeUnit::Second => Self::Second,
            TimeUnit::Millisecond => Self::Milli,
            TimeUnit::Microsecond => Self::Micro,
            TimeUnit::Nanosecond => Self::Nano,
        }
    }

    const fn arrow(self) -> TimeUnit {
        match self {
            Self::Second => TimeUnit::Second,
            Self::Milli => TimeUnit::Millisecond,
            Self::Micro => TimeUnit::Microsecond,
            Self::Nano => TimeUnit::Nanosecond,
        }
    }
}

/// Digits that fit into 128 bits.
const DECIMAL128_DIGITS: u8 = 38;

impl FileType {
    /// The type that an Arrow type counts as; none for maps, unions and their like.
    pub fn of(ty: &DataType) -> Option<Self> {
        Some(match ty {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::I8,
            DataType::Int16 => Self::I16,
            DataType::Int32 => Self::I32,
            DataType::Int64 => Self::I64,
            DataType::UInt8 => Self::U8,
            DataType::UInt16 => Self::U16,
            DataType::UInt32 => Self::U32,
            DataType::UInt64 => Self::U64,
            DataType::Float16 => Self::F16,
            DataType::Float32 => Self::F32,
            DataType::Float64 => Self::F64,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Binary,
            DataType::Date32 => Self::Date32,
            DataType::Date64 => Self::Date64,
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time(FileTimeUnit::of(*unit)),
            DataType::Timestamp(unit, zone) => {
                Self::Timestamp { unit: FileTimeUnit::of(*unit), zone: zone.as_ref().map(|z| z.to_string()) }
            }
            DataType::Duration(unit) => Self::Duration(FileTimeUnit::of(*unit)),
            DataType::Interval(IntervalUnit::YearMonth) => Self::IntervalYearMonth,
            DataType::Interval(IntervalUnit::DayTime) => Self::IntervalDayTime,
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::IntervalMonthDayNano,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => {
                Self::Decimal { precision: *precision, scale: *scale }
            }
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Self::List(Box::new(FileColumn::try_from(item.as_ref()).ok()?))
            }
            DataType::Struct(fields) => {
                let columns: Result<Vec<_>, _> =
                    fields.iter().map(|f| FileColumn::try_from(f.as_ref())).collect();
                Self::Struct(columns.ok()?)
            }
            DataType::Dictionary(_, value) => return Self::of(value),
            _ => return None,
        })
    }

    /// The Arrow type that rows have.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Bool => DataType::Boolean,
            Self::I8 => DataType::Int8,
            Self::I16 => DataType::Int16,
            Self::I32 => DataType::Int32,
            Self::I64 => DataType::Int64,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::F16 => DataType::Float16,
            Self::F32 => DataType::Float32,
            Self::F64 => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::Date32 => DataType::Date32,
            Self::Date64 => DataType::Date64,
            Self::Time(unit @ (FileTimeUnit::Second | FileTimeUnit::Milli)) => DataType::Time32(unit.arrow()),
            Self::Time(unit @ (FileTimeUnit::Micro | FileTimeUnit::Nano)) => DataType::Time64(unit.arrow()),
            Self::Timestamp { unit, zone } => {
                DataType::Timestamp(unit.arrow(), zone.as_deref().map(Into::into))
            }
            Self::Duration(unit) => DataType::Duration(unit.arrow()),
            Self::IntervalYearMonth => DataType::Interval(IntervalUnit::YearMonth),
            Self::IntervalDayTime => DataType::Interval(IntervalUnit::DayTime),
            Self::IntervalMonthDayNano => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Decimal { precision, scale } if *precision <= DECIMAL128_DIGITS => {
                DataType::Decimal128(*precision, *scale)
            }
            Self::Decimal { precision, scale } => DataType::Decimal256(*precision, *scale),
            Self::List(item) => DataType::List(Arc::new(item.field())),
            Self::Struct(columns) => DataType::Struct(columns.iter().map(FileColumn::field).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_go_to_arrow_and_back() {
        let item = Field::new("item", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true);
        let inner = Field::new("n", DataType::Decimal256(50, 3), false);
        for ty in [
            DataType::Boolean,
            DataType::UInt64,
            DataType::Time32(TimeUnit::Second),
            DataType::Time64(TimeUnit::Nanosecond),
            DataType::Decimal128(15, 2),
            DataType::List(Arc::new(item)),
            DataType::Struct(vec![inner].into()),
            DataType::Interval(IntervalUnit::MonthDayNano),
        ] {
            assert_eq!(FileType::of(&ty).map(|t| t.arrow()), Some(ty));
        }
    }

    #[test]
    fn layouts_of_one_type_become_one() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        for ty in [DataType::Utf8View, DataType::LargeUtf8, dictionary] {
            assert_eq!(FileType::of(&ty), Some(FileType::Text));
        }
        let entries = Field::new("e", DataType::Struct(Vec::<Field>::new().into()), false);
        let map = Field::new("m", DataType::Map(Arc::new(entries), false), true);
        assert_eq!(FileColumn::try_from(&map).unwrap_err().column, "m");
    }
}
