//! External tables and COPY INTO (sheet section 12, `ext_table` and `copy`).

use datafusion::sql::sqlparser::tokenizer::Token;
use triglot_model::{FileCompression, FileFormat, FileOptions};

use super::input::{Input, Names};
use crate::ast::{CopyOptions, CopySource, ExternalTable, Stmt};
use crate::error::SqlError;

pub(super) fn create_external(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "EXTERNAL", "TABLE"])?;
    let if_not_exists = p.if_not_exists()?;
    let table = p.table_name()?;
    let columns = if p.peeks_token(&Token::LParen) { p.column_definitions()? } else { Vec::new() };
    let mut format = None;
    let mut location = None;
    let mut partitions = Vec::new();
    let (mut header, mut delimiter, mut compression) = (false, b',', FileCompression::None);
    loop {
        if p.word("STORED") {
            p.expect_words(&["AS"])?;
            let name = p.string_or_word()?;
            once(format.replace(file_format(&name)?).is_none(), "STORED AS")?;
        } else if p.word("LOCATION") {
            once(location.replace(p.string()?).is_none(), "LOCATION")?;
        } else if p.word("WITH") {
            p.expect_words(&["HEADER", "ROW"])?;
            header = true;
        } else if p.word("DELIMITER") {
            delimiter = one_byte(&p.string()?)?;
        } else if p.word("COMPRESSION") {
            p.expect_words(&["TYPE"])?;
            compression = file_compression(&p.string_or_word()?)?;
        } else if p.word("PARTITIONED") {
            p.expect_words(&["BY"])?;
            partitions = p.names()?;
        } else if p.word("OPTIONS") {
            for (key, value) in p.key_values()? {
                match key.as_str() {
                    "has_header" | "format.has_header" => header = flag(&key, &value)?,
                    "delimiter" | "format.delimiter" => delimiter = one_byte(&value)?,
                    "compression" | "format.compression" => compression = file_compression(&value)?,
                    _ => return Err(unexpected(&["has_header", "delimiter", "compression"], &key)),
                }
            }
        } else {
            break;
        }
    }
    let missing = |clause: &str| {
        SqlError::parser(format!("Missing {clause} clause in CREATE EXTERNAL TABLE statement"))
    };
    let format = format.ok_or_else(|| missing("STORED AS"))?;
    let location = location.ok_or_else(|| missing("LOCATION"))?;
    let options = FileOptions { format, header, delimiter, compression };
    Ok(Stmt::CreateExternalTable(Box::new(ExternalTable {
        table,
        if_not_exists,
        columns,
        partitions,
        options,
        location,
    })))
}

pub(super) fn copy(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["COPY", "INTO"])?;
    if p.peeks_string() {
        let location = p.string()?;
        p.expect_words(&["FROM"])?;
        let source = if p.token(&Token::LParen) {
            let query = p.query()?;
            p.expect_token(&Token::RParen)?;
            CopySource::Query(query)
        } else {
            CopySource::Table(p.table_name()?)
        };
        let options = copy_options(p, &location)?;
        return Ok(Stmt::CopyOut { location, source, options });
    }
    let table = p.table_name()?;
    let columns = if p.peeks_token(&Token::LParen) { Some(p.names()?) } else { None };
    p.expect_words(&["FROM"])?;
    let location = p.string()?;
    let options = copy_options(p, &location)?;
    Ok(Stmt::CopyIn { table, columns, location, options })
}

/// `[CONNECTION = (…)] [FILE_FORMAT = (…)] [COPY_OPTIONS = (…)]` in any order.
fn copy_options(p: &mut Input<'_>, location: &str) -> Result<CopyOptions, SqlError> {
    let mut connection = false;
    let mut format = None;
    let (mut header, mut delimiter, mut compression) = (true, b',', FileCompression::None);
    let mut infer_types = false;
    loop {
        if p.word("CONNECTION") {
            p.token(&Token::Eq);
            connection = !p.key_values()?.is_empty();
        } else if p.word("FILE_FORMAT") {
            p.token(&Token::Eq);
            for (key, value) in p.key_values()? {
                match key.as_str() {
                    "type" => format = Some(file_format(&value)?),
                    "delimiter" => delimiter = one_byte(&value)?,
                    "with_header" => header = flag(&key, &value)?,
                    "file_compression_type" => compression = file_compression(&value)?,
                    _ => {
                        let known = ["type", "delimiter", "with_header", "file_compression_type"];
                        return Err(unexpected(&known, &key));
                    }
                }
            }
        } else if p.word("COPY_OPTIONS") {
            p.token(&Token::Eq);
            for (key, value) in p.key_values()? {
                match key.as_str() {
                    "auto_infer_schema" => infer_types = flag(&key, &value)?,
                    _ => return Err(unexpected(&["auto_infer_schema"], &key)),
                }
            }
        } else {
            break;
        }
    }
    // Of other locations the engine says that they are not supported.
    if connection && (location.starts_with('/') || location.starts_with("file:")) {
        return Err(SqlError::NotImplemented("CONNECTION for files of the server".to_owned()));
    }
    let format = match format {
        Some(format) => format,
        None => by_name(location)?,
    };
    Ok(CopyOptions { files: FileOptions { format, header, delimiter, compression }, infer_types })
}

/// The format that a file's name tells.
fn by_name(location: &str) -> Result<FileFormat, SqlError> {
    let ending = location.rsplit('.').next().unwrap_or("");
    match ending.to_ascii_lowercase().as_str() {
        "csv" => Ok(FileFormat::Csv),
        "parquet" => Ok(FileFormat::Parquet),
        "json" | "ndjson" => Ok(FileFormat::Json),
        _ => Err(SqlError::parser(format!("Expected: FILE_FORMAT = (TYPE = …) for {location}"))),
    }
}

fn file_format(name: &str) -> Result<FileFormat, SqlError> {
    match name.to_ascii_uppercase().as_str() {
        "CSV" => Ok(FileFormat::Csv),
        "PARQUET" => Ok(FileFormat::Parquet),
        "JSON" | "NDJSON" => Ok(FileFormat::Json),
        "AVRO" => Err(SqlError::NotImplemented("files of format AVRO".to_owned())),
        _ => Err(SqlError::parser(format!(
            "Expected file format [CSV | PARQUET | JSON | NDJSON | AVRO], found [{name}]"
        ))),
    }
}

fn file_compression(name: &str) -> Result<FileCompression, SqlError> {
    match name.to_ascii_uppercase().as_str() {
        "" | "UNCOMPRESSED" => Ok(FileCompression::None),
        "GZIP" | "GZ" => Ok(FileCompression::Gzip),
        "BZIP2" | "BZ2" => Ok(FileCompression::Bzip2),
        "XZ" => Ok(FileCompression::Xz),
        "ZSTD" | "ZST" => Ok(FileCompression::Zstd),
        _ => {
            Err(SqlError::parser(format!("Expected compression [gzip | bzip2 | xz | zstd], found [{name}]")))
        }
    }
}

fn one_byte(text: &str) -> Result<u8, SqlError> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err(SqlError::parser(format!("Delimiter must be a single ASCII char, found {text:?}"))),
    }
}

fn flag(key: &str, value: &str) -> Result<bool, SqlError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(SqlError::parser(format!("Expected true or false for {key}, found [{value}]"))),
    }
}

fn once(first: bool, clause: &str) -> Result<(), SqlError> {
    if first { Ok(()) } else { Err(SqlError::parser(format!("{clause} specified more than once"))) }
}

fn unexpected(known: &[&str], found: &str) -> SqlError {
    SqlError::parser(format!("Expected option [{}], found [{found}]", known.join(" | ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn statement(sql: &str) -> Stmt {
        parse(sql).unwrap().unwrap()
    }

    #[test]
    fn all_clauses_of_an_external_table_in_any_order() {
        let sql = "create external table if not exists d.e (a bigint, y string not null) location 'file:///x/' \
            compression type xz with header row partitioned by (y) delimiter '|' stored as CSV";
        let Stmt::CreateExternalTable(e) = statement(sql) else { panic!("{sql}") };
        assert_eq!((e.table.to_string().as_str(), e.if_not_exists, e.columns.len()), ("d.e", true, 2));
        assert_eq!((e.location.as_str(), e.partitions), ("file:///x/", vec!["y".to_owned()]));
        let options = FileOptions {
            format: FileFormat::Csv,
            header: true,
            delimiter: b'|',
            compression: FileCompression::Xz,
        };
        assert_eq!(e.options, options);
    }

    #[test]
    fn copies_both_ways() {
        let sql = "COPY INTO d.t (a, \"B\") FROM '/x.bin' FILE_FORMAT = (TYPE = 'PARQUET') \
            COPY_OPTIONS = (auto_infer_schema = true)";
        let Stmt::CopyIn { table, columns, location, options } = statement(sql) else { panic!("{sql}") };
        assert_eq!((table.to_string().as_str(), location.as_str()), ("d.t", "/x.bin"));
        assert_eq!(columns, Some(vec!["a".to_owned(), "B".to_owned()]));
        assert!(options.infer_types && options.files.format == FileFormat::Parquet);
        let sql =
            "copy into 'file:///y.csv' from (select 1) file_format = (delimiter = '\\t' with_header = false)";
        let Stmt::CopyOut { source: CopySource::Query(_), options, .. } = statement(sql) else {
            panic!("{sql}")
        };
        assert_eq!((options.files.delimiter, options.files.header), (b'\t', false));
        let Stmt::CopyOut { source: CopySource::Table(_), options, .. } =
            statement("copy into '/y.json' from t")
        else {
            panic!("a table")
        };
        assert_eq!(options.files.format, FileFormat::Json);
    }
}
