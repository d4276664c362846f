//! Queries over several shards.

use std::borrow::Cow;

use super::{open, options, root, rows};
use crate::FieldValue;

/// The newest rows come from the shard of their series: once the second shard's series got the
/// values of the first one's.
#[tokio::test]
async fn newest_rows_of_series_in_several_shards() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let mut batcher = engine.batcher(&session, options()).unwrap();
    for host in 0..20i64 {
        for time in 0..3 {
            let name = format!("host_{host:02}");
            let tags = [(Cow::Borrowed("host"), Cow::Borrowed(name.as_str()))];
            batcher.begin("cpu", name.as_bytes(), tags).unwrap();
            batcher.field("v", FieldValue::I64(host * 100 + time)).unwrap();
            batcher.end_row(Some(time)).unwrap();
        }
    }
    batcher.commit().await.unwrap();
    let expected: Vec<String> = (0..20).map(|host| format!("host_{host:02}|{}", host * 100 + 2)).collect();
    let sql = "SELECT host, last_value(v ORDER BY time) FROM cpu GROUP BY host ORDER BY host";
    assert_eq!(rows(&engine, &session, sql).await, expected);
    let sql = "SELECT DISTINCT ON (host) host, v FROM cpu ORDER BY host, time DESC";
    assert_eq!(rows(&engine, &session, sql).await, expected);
    engine.flush().await.unwrap();
    assert_eq!(rows(&engine, &session, sql).await, expected);
}
