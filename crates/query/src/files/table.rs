use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat as DataFusionFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use triglot_model::{ErrorKind, FileColumn, FileCompression, FileFormat, FileOptions};

use super::Location;
use crate::{QueryError, QuerySession};

/// Which files, and how they are read.
#[derive(Clone, Debug)]
pub struct FileScan {
    /// Where they are.
    pub location: Location,
    /// How they are read.
    pub options: FileOptions,
    /// Columns whose values stand in the names of directories.
    pub partitions: Vec<(String, DataType)>,
}

/// A table over files whose schema (partition columns left out) is known. Files are listed by each
/// scan; Parquet row groups and pages, and directories of partitions, are pruned by predicates.
///
/// # Errors
/// A pattern that cannot be read.
pub fn files_table(scan: &FileScan, schema: SchemaRef) -> Result<Arc<dyn TableProvider>, QueryError> {
    let (url, options) = scan.listing()?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// The columns that the files have, by name and type. CSV and JSON are judged by their first 1,000 rows.
///
/// # Errors
/// No file, or one that is not of the format.
pub async fn infer_columns(scan: &FileScan, session: &QuerySession) -> Result<SchemaRef, QueryError> {
    let (url, options) = scan.listing()?;
    options.validate_partitions(session, &url).await?;
    let schema = options.infer_schema(session, &url).await?;
    if scan.options.format != FileFormat::Csv {
        return Ok(schema);
    }
    // The first rows tell the unit, and digits of later rows that it does not hold would be lost.
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(_, zone) => {
            let ty = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            field.as_ref().clone().with_data_type(ty)
        }
        _ => field.as_ref().clone(),
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<Field>>())))
}

impl FileScan {
    /// The files of a table in the catalog.
    ///
    /// # Errors
    /// A location that this version does not read.
    pub fn of(def: &triglot_model::ExternalTableDef) -> Result<Self, QueryError> {
        let partition = |column: &FileColumn| (column.name.clone(), column.ty.arrow());
        Ok(Self {
            location: Location::parse(&def.location)?,
            options: def.options,
            partitions: def.partitions.iter().map(partition).collect(),
        })
    }

    fn listing(&self) -> Result<(ListingTableUrl, ListingOptions), QueryError> {
        check_options(&self.options)?;
        let url = ListingTableUrl::parse(self.location.path())?;
        let format = format_of(&self.options);
        // A file that is named may be called as it likes; of a directory only files of the format count.
        let extension = if url.is_collection() && url.get_glob().is_none() {
            format.get_ext_with_compression(&compression_of(self.options.compression))?
        } else {
            String::new()
        };
        let options = ListingOptions::new(format)
            .with_file_extension(extension)
            .with_table_partition_cols(self.partitions.clone());
        Ok((url, options))
    }
}

fn format_of(options: &FileOptions) -> Arc<dyn DataFusionFormat> {
    let compression = compression_of(options.compression);
    match options.format {
        FileFormat::Csv => Arc::new(
            CsvFormat::default()
                .with_has_header(options.header)
                .with_delimiter(options.delimiter)
                .with_newlines_in_values(true)
                .with_file_compression_type(compression),
        ),
        FileFormat::Json => Arc::new(JsonFormat::default().with_file_compression_type(compression)),
        FileFormat::Parquet => Arc::new(ParquetFormat::default().with_force_view_types(false)),
    }
}

fn compression_of(compression: FileCompression) -> FileCompressionType {
    match compression {
        FileCompression::None => FileCompressionType::UNCOMPRESSED,
        FileCompression::Gzip => FileCompressionType::GZIP,
        FileCompression::Bzip2 => FileCompressionType::BZIP2,
        FileCompression::Xz => FileCompressionType::XZ,
        FileCompression::Zstd => FileCompressionType::ZSTD,
    }
}

/// Refuses what a format cannot have.
pub(super) fn check_options(options: &FileOptions) -> Result<(), QueryError> {
    if options.format == FileFormat::Parquet && options.compression != FileCompression::None {
        return Err(QueryError::Refused {
            kind: ErrorKind::NotSupported,
            message: "compression of whole Parquet files (they are compressed inside)".to_owned(),
            source: None,
        });
    }
    Ok(())
}
