//! The matrix of `docs/data-model.md`: identity rule × writer's dialect × rewrite rule, as any
//! reader sees it.

use triglot_model::{IdentityRule, RewriteRule, RowOp};

use super::model::{Key, Model, OutRow, Value};
use super::random::RULES;
use super::{A, B, C, InRow, Query, TABLE, TestEnv, key, options, table};

/// What a dialect's writer hands to storage for `a = NULL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Line protocol has no NULL: absent.
    Cnosdb,
    /// An explicit NULL overwrites.
    TdEngine,
    /// By the table's rule.
    Kwdb(RewriteRule),
}

const WRITERS: [Writer; 5] = [
    Writer::Cnosdb,
    Writer::TdEngine,
    Writer::Kwdb(RewriteRule::Merge),
    Writer::Kwdb(RewriteRule::Replace),
    Writer::Kwdb(RewriteRule::Discard),
];

impl Writer {
    fn op(self) -> RowOp {
        match self {
            Self::Cnosdb | Self::TdEngine => RowOp::Merge,
            Self::Kwdb(rule) => rule.row_op(),
        }
    }

    /// The row `(t, a = NULL, b = text)`; `c` is not written.
    fn row(self, time: i64, text: &str, tags: (&str, Option<&str>)) -> InRow {
        let mut values = vec![(B, Value::Text(text.to_owned()))];
        if self == Self::TdEngine {
            values.push((A, Value::Null));
        }
        InRow { key: key(tags.0, tags.1), time, values, explicit: self == Self::TdEngine }
    }
}

/// Written by hand from the three vendors' documentation, not from the model: the row
/// `a = 1, b = "old", c = 0.5`, then the writer's row over it.
fn expected(second: Writer) -> [Value; 3] {
    let (old, new) = (Value::Text("old".to_owned()), Value::Text("new".to_owned()));
    let half = Value::Float(0.5f64.to_bits());
    match second {
        Writer::Cnosdb | Writer::Kwdb(RewriteRule::Merge) => [Value::Int(1), new, half],
        Writer::TdEngine => [Value::Null, new, half],
        Writer::Kwdb(RewriteRule::Replace) => [Value::Null, new, Value::Null],
        Writer::Kwdb(_) => [Value::Int(1), old, half],
    }
}

#[tokio::test]
async fn each_writer_over_an_older_row_in_each_table() {
    for rule in RULES {
        for second in WRITERS {
            // Both rows in memory; the older in a file; both in files; merged.
            for stage in 0..4 {
                let meta = table(TABLE, rule());
                let env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
                let values = vec![
                    (A, Value::Int(1)),
                    (B, Value::Text("old".to_owned())),
                    (C, Value::Float(0.5f64.to_bits())),
                ];
                let first = InRow { key: key("s", Some("x")), time: 1, values, explicit: false };
                env.write(&meta, RowOp::Merge, &[first]).await.unwrap();
                if stage > 0 {
                    env.storage.flush().await.unwrap();
                }
                env.write(&meta, second.op(), &[second.row(1, "new", ("s", Some("x")))]).await.unwrap();
                if stage > 1 {
                    env.storage.flush().await.unwrap();
                }
                if stage > 2 {
                    env.storage.compact(None).await.unwrap();
                }
                let rows = env.rows(&meta).await;
                assert_eq!(rows.len(), 1);
                assert_eq!(rows[0].values, expected(second), "{:?}, {second:?}, {stage}", rule());
                env.storage.shutdown().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn each_identity_rule_makes_its_series() {
    let text = |s: &str| Some(s.to_owned());
    // The same child and `t1` with two values of `t2`: two series for AllTags, one for the others,
    // which keep the tags that the series was made with.
    let expected = |rule: &IdentityRule| match rule {
        IdentityRule::AllTags => {
            vec![(None, text("s"), None), (None, text("s"), text("x")), (None, text("s"), text("y"))]
        }
        IdentityRule::ChildName => vec![(text("child-s"), text("s"), text("x"))],
        IdentityRule::PrimaryTags(_) => vec![(None, text("s"), text("x"))],
    };
    for rule in RULES {
        for writer in WRITERS {
            let meta = table(TABLE, rule());
            let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
            for (time, t2) in [(1, Some("x")), (2, Some("y")), (3, None), (4, Some("x"))] {
                env.write(&meta, writer.op(), &[writer.row(time, "v", ("s", t2))]).await.unwrap();
            }
            env.restart().await;
            let rows = env.rows(&meta).await;
            assert_eq!(rows.len(), 4);
            let mut keys: Vec<Key> = rows.into_iter().map(|r| r.key).collect();
            keys.sort();
            keys.dedup();
            let keys: Vec<_> = keys.into_iter().map(|k| (k.child, k.t1, k.t2)).collect();
            assert_eq!(keys, expected(&rule()), "{:?}, {writer:?}", rule());
            env.storage.shutdown().await.unwrap();
        }
    }
}

/// Every pair of writers over every identity rule, rows of both for the same keys: readers see what
/// the model says, whatever the dialect of either.
#[tokio::test]
async fn every_pair_of_writers_in_every_table() {
    for rule in RULES {
        for first in WRITERS {
            for second in WRITERS {
                let meta = table(TABLE, rule());
                let env = TestEnv::sim(1, options(2), std::slice::from_ref(&meta)).await;
                let mut model = Model::new(rule());
                for (steps, (writer, text)) in (0i64..).zip([(first, "1"), (second, "2"), (first, "3")]) {
                    let mut rows: Vec<InRow> = (0..4)
                        .map(|i| {
                            writer.row(i % 2 + steps % 2, text, ("s", [None, Some("x")][i as usize / 2]))
                        })
                        .collect();
                    rows[0].values.push((C, Value::Float(steps as u64)));
                    if text == "1" {
                        rows.iter_mut().for_each(|r| r.values.retain(|(c, _)| *c != A));
                        rows.iter_mut().for_each(|r| r.values.push((A, Value::Int(9))));
                    }
                    env.write(&meta, writer.op(), &rows).await.unwrap();
                    model.write(writer.op(), &rows);
                    if steps == 1 {
                        env.storage.flush().await.unwrap();
                    }
                    let found: Vec<OutRow> = env.rows(&meta).await;
                    assert_eq!(found, model.read(&Query::all(&meta)), "{:?}: {first:?}, {second:?}", rule());
                }
                env.storage.shutdown().await.unwrap();
            }
        }
    }
}
