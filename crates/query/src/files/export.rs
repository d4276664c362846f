use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::common::config::{CsvOptions, JsonOptions};
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::csv::CsvFormatFactory;
use datafusion::datasource::file_format::json::JsonFormatFactory;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::datasource::file_format::{FileFormatFactory, format_as_file_type};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use triglot_model::{ErrorKind, FileCompression, FileFormat, FileOptions};

use super::table::check_options;
use crate::QueryError;

/// A plan that writes the rows of `input` into one file and gives their number (one row, one
/// column). They pass through in batches. The file is complete only if the plan succeeds: when
/// `input` fails half-way, DataFusion closes it as if nothing had happened, so let `file` be a name
/// for the time being and rename it afterwards.
///
/// # Errors
/// Options that do not fit the format; a path that DataFusion would take for a pattern.
pub fn export_plan(
    input: LogicalPlan,
    file: &Path,
    options: &FileOptions,
) -> Result<LogicalPlan, QueryError> {
    check_options(options)?;
    let Some(path) = file.to_str() else {
        return Err(QueryError::Refused {
            kind: ErrorKind::InvalidSchema,
            message: format!("path {} is not UTF-8", file.display()),
            source: None,
        });
    };
    let factory: Arc<dyn FileFormatFactory> = match options.format {
        FileFormat::Csv => Arc::new(CsvFormatFactory::new_with_options(
            CsvOptions::default()
                .with_has_header(options.header)
                .with_delimiter(options.delimiter)
                .with_file_compression_type(variant(options.compression)),
        )),
        FileFormat::Json => Arc::new(JsonFormatFactory::new_with_options(JsonOptions {
            compression: variant(options.compression),
            ..JsonOptions::default()
        })),
        FileFormat::Parquet => Arc::new(ParquetFormatFactory::new()),
    };
    let one_file = HashMap::from([("single_file_output".to_owned(), "true".to_owned())]);
    let plan = LogicalPlanBuilder::copy_to(
        input,
        path.to_owned(),
        format_as_file_type(factory),
        one_file,
        Vec::new(),
    )?;
    Ok(plan.build()?)
}

fn variant(compression: FileCompression) -> CompressionTypeVariant {
    match compression {
        FileCompression::None => CompressionTypeVariant::UNCOMPRESSED,
        FileCompression::Gzip => CompressionTypeVariant::GZIP,
        FileCompression::Bzip2 => CompressionTypeVariant::BZIP2,
        FileCompression::Xz => CompressionTypeVariant::XZ,
        FileCompression::Zstd => CompressionTypeVariant::ZSTD,
    }
}
