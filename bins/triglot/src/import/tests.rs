use std::collections::BTreeSet;
use std::io::Read;

use super::*;
use crate::client::fake::Fake;

/// Takes any line but those with `wrong`, like a server with a type clash.
fn picky() -> Fake {
    Fake::start(|path, body| {
        assert!(path.starts_with("/api/v1/write?tenant=cnosdb&db=public&precision="), "{path}");
        if body.contains("wrong") {
            (422, r#"{"error_code":"050014","error_message":"type clash"}"#.to_owned())
        } else {
            (200, String::new())
        }
    })
}

fn lines(fake: &Fake) -> BTreeSet<String> {
    fake.taken.lock().unwrap().iter().flat_map(|b| b.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn send_lines(fake: &Fake, input: impl Read, bad: &BadLines) -> Result<u64, Failure> {
    let progress = Progress::new(Total::Unknown, true);
    let target = fake.target();
    let options = SendOptions { target: &target, connections: 2, batch_rows: 100, bad, progress: &progress };
    send(options, |sink| lines::read(input, sink))
}

#[test]
fn bad_lines_are_left_out_and_told_by_number() {
    let mut text = String::new();
    for n in 1..=1000 {
        text += &match n {
            7 => "m f=oops 1\n".to_owned(),
            500 => format!("m,t=wrong f={n} {n}\n"),
            501 => "# a comment\n".to_owned(),
            502 => "m\n".to_owned(),
            _ => format!("m,t=a f={n} {n}\n"),
        };
    }
    let (fake, bad) = (picky(), BadLines::new(10));
    assert_eq!(send_lines(&fake, text.as_bytes(), &bad).unwrap(), 996);
    assert_eq!(lines(&fake).len(), 996);
    let told = bad.lines();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("line 7: invalid field value: 'oops'"), "{told:?}");
    assert_eq!(told[1], "line 500: HTTP 422 050014: type clash");
    assert!(told[2].starts_with("line 502: "), "{told:?}");
}

/// Gives the input in small pieces, so that blocks end anywhere.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(out.len()).min(1 << 16);
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[test]
fn points_over_block_ends_and_bytes_that_are_not_text() {
    // 10 MB: three blocks. Strings hold newlines, so blocks end inside of points.
    let mut text = Vec::new();
    let mut points = 0u64;
    let mut line_of_bad = 0;
    while text.len() < 10 << 20 {
        points += 1;
        text.extend_from_slice(
            format!("m,t=a s=\"{}\nsecond\n\",n={points}i {points}\n", "x".repeat(300)).as_bytes(),
        );
        if points == 20_000 {
            line_of_bad = points * 3 + 1;
            text.extend_from_slice(b"m s=\"\xff\" 1\n");
        }
    }
    let (fake, bad) = (picky(), BadLines::new(10));
    assert_eq!(send_lines(&fake, Dribble(&text), &bad).unwrap(), points);
    assert_eq!(bad.lines(), [format!("line {line_of_bad}: not UTF-8")]);
    let bodies = fake.taken.lock().unwrap();
    let sent: usize = bodies.iter().map(String::len).sum();
    assert_eq!(sent, text.len() - b"m s=\"\xff\" 1\n".len());
}

#[test]
fn an_import_gives_up_behind_too_many_bad_lines_and_on_other_errors() {
    let bad = BadLines::new(5);
    let text = "m f=oops 1\n".repeat(100_000);
    assert_eq!(send_lines(&picky(), text.as_bytes(), &bad).unwrap(), 0);
    assert!(bad.too_many());
    let absent = Fake::start(|_, _| {
        (422, r#"{"error_code":"030017","error_message":"Database not found"}"#.to_owned())
    });
    let bad = BadLines::new(5);
    let error = send_lines(&absent, "m f=1 1\n".repeat(5000).as_bytes(), &bad).unwrap_err();
    assert!(error.to_string().contains("030017"), "{error}");
    assert_eq!(bad.count(), 0);
}

fn args(fake: &Fake, file: &Path, more: impl FnOnce(&mut ImportArgs)) -> ImportArgs {
    let mut args = ImportArgs {
        file: Some(file.to_owned()),
        target: fake.args(),
        format: None,
        table: Some("cpu".to_owned()),
        time_column: "time".to_owned(),
        tags: vec!["host".to_owned()],
        types: Vec::new(),
        delimiter: b',',
        precision: Precision::Ms,
        batch: 1000,
        connections: 1,
        max_bad: 100,
        create_db: false,
        quiet: true,
    };
    more(&mut args);
    args
}

/// A server that knows a table `cpu` with a tag `zone` and a DOUBLE `load`.
fn with_table() -> Fake {
    Fake::start(|path, body| match path.starts_with("/api/v1/sql") {
        true => {
            assert_eq!(body, "DESCRIBE TABLE \"cpu\"");
            let text = "column_name,data_type,column_type,compression_codec\ntime,TIMESTAMP(NANOSECOND),TIME,DEFAULT\n\
                        zone,STRING,TAG,DEFAULT\nload,DOUBLE,FIELD,DEFAULT\n";
            (200, text.to_owned())
        }
        false => (200, String::new()),
    })
}

#[test]
fn csv_takes_types_from_table_user_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.csv");
    let text = "time,host,zone,load,n,text,id\n\
        1000,a b,z,1,5,\"say \"\"hi\"\"\",1\n\
        2022-01-14T16:00:00Z,b,,2.5,6,,2\n\
        x,b,,2.5,6,,3\n\
        3000,b,,,oops,,4\n\
        4000,b\n\
        5000,c,,,,,\n";
    std::fs::write(&file, text).unwrap();
    let (fake, bad) = (with_table(), BadLines::new(100));
    let types =
        |a: &mut ImportArgs| a.types = ["n=BIGINT", "id=STRING"].map(|t| column_type(t).unwrap()).to_vec();
    assert_eq!(import(&args(&fake, &file, types), &bad).unwrap(), 2);
    let sent: Vec<String> = lines(&fake).into_iter().filter(|l| l.starts_with("cpu,")).collect();
    assert_eq!(
        sent,
        [
            r#"cpu,host=a\ b,zone=z load=1.0,n=5i,text="say \"hi\"",id="1" 1000"#,
            r#"cpu,host=b load=2.5,n=6i,id="2" 1642176000000"#,
        ]
    );
    assert_eq!(
        bad.lines(),
        [
            "line 4: column time: \"x\" is not a time",
            "line 5: column n: \"oops\" is not I64",
            "line 6: 2 cells, the header has 7",
            "line 7: no field has a value",
        ]
    );
}

#[test]
fn parquet_columns_become_the_nearest_types() {
    use arrow::array::{
        ArrayRef, BooleanArray, Int32Array, StringArray, TimestampMicrosecondArray, UInt8Array,
    };
    use arrow::record_batch::RecordBatch;
    use std::sync::Arc;

    let columns: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_500, 2_000, 3_000]))),
        ("host", Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]))),
        ("load", Arc::new(Int32Array::from(vec![Some(1), Some(2), None]))),
        ("u", Arc::new(UInt8Array::from(vec![Some(7), None, None]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None, None]))),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.parquet");
    let out = File::create(&file).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (fake, bad) = (with_table(), BadLines::new(100));
    assert_eq!(import(&args(&fake, &file, |_| {}), &bad).unwrap(), 2);
    let sent: Vec<String> =
        lines(&fake).into_iter().filter(|l| l.starts_with("cpu")).filter(|l| l.contains(" load=")).collect();
    // `load` is DOUBLE in the table; times are in milliseconds.
    assert_eq!(sent, ["cpu load=2.0 2", "cpu,host=a load=1.0,u=7u,b=true 1"]);
    assert_eq!(bad.lines(), ["line 3: no field has a value"]);
}
