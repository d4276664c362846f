use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::client::fake::Fake;

fn fake() -> Fake {
    Fake::start(|path, body| {
        assert!(path.starts_with("/api/v1/sql?tenant=cnosdb&db=public"), "{path}");
        let text = match body {
            "DESCRIBE TABLE \"cpu\"" => {
                "column_name,data_type,column_type,compression_codec\ntime,TIMESTAMP(NANOSECOND),TIME,DEFAULT\n\
                 host,STRING,TAG,DEFAULT\nu,BIGINT UNSIGNED,FIELD,DEFAULT\nf,DOUBLE,FIELD,DEFAULT\n"
            }
            "SELECT * FROM \"cpu\"" => {
                "{\"f\":1.5e20,\"host\":\"\",\"time\":\"2022-11-03T06:20:11.000001\",\"u\":18446744073709551615}\n\
                 {\"time\":\"2022-11-03T06:20:12\"}\n"
            }
            "late" => "a,b\n1,x\n{\"error_code\": \"040007\", \"error_message\": \"Fetch result: x\"}",
            "typed" => "time,n,f\n2022-11-03T06:20:11.000001000,1,1.0\n2022-11-03T06:20:12.000000000,2,\n",
            other => panic!("{other}"),
        };
        (200, text.to_owned())
    })
}

fn args(fake: &Fake, table: Option<&str>, query: Option<&str>, file: &Path) -> ExportArgs {
    ExportArgs {
        file: Some(file.to_owned()),
        target: fake.args(),
        table: table.map(str::to_owned),
        query: query.map(str::to_owned),
        format: None,
        quiet: true,
    }
}

fn read(file: &Path) -> arrow::record_batch::RecordBatch {
    let mut reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
    reader.next().unwrap().unwrap()
}

#[test]
fn a_table_keeps_its_types_and_its_nulls() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cpu.parquet");
    run(&args(&fake(), Some("cpu"), None, &file)).unwrap();
    let batch = read(&file);
    let names: Vec<_> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["time", "host", "u", "f"]);
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    assert_eq!(times.values(), &[1_667_456_411_000_001_000, 1_667_456_412_000_000_000]);
    let hosts: Vec<_> = batch.column(1).as_string::<i32>().iter().collect();
    assert_eq!(hosts, [Some(""), None]);
    let u: Vec<_> = batch.column(2).as_primitive::<UInt64Type>().iter().collect();
    assert_eq!(u, [Some(u64::MAX), None]);
    assert_eq!(batch.column(3).as_primitive::<Float64Type>().value(0), 1.5e20);
}

#[test]
fn a_query_gets_the_types_of_its_values() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("q.parquet");
    run(&args(&fake(), None, Some("typed"), &file)).unwrap();
    let batch = read(&file);
    assert_eq!(batch.column(0).as_primitive::<TimestampNanosecondType>().value(0), 1_667_456_411_000_001_000);
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(batch.column(2).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(1.0), None]);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["q.parquet"], "the spool file is gone");
}

#[test]
fn an_error_behind_rows_fails_the_export_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.csv");
    let error = run(&args(&fake(), None, Some("late"), &file)).unwrap_err();
    assert!(error.to_string().contains("040007"), "{error}");
    assert!(!file.exists());
}
