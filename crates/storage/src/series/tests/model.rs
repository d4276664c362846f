//! Random operations on the index and on a plain map; every answer must agree.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, IdentityRule, Sid};

use super::super::{SeriesError, SeriesIndex, SeriesKey};
use super::{column, sids, strings};

const TAGS: [ColumnId; 3] = [ColumnId(1), ColumnId(2), ColumnId(3)];
/// Few values, so that identities meet; `''` and one that does not fit into a view are among them.
const VALUES: [&str; 4] = ["", "a", "b", "a value of more than twelve bytes"];

#[derive(Clone, Debug)]
enum Op {
    Create(SeriesKey),
    Set(u32, Vec<(ColumnId, Option<Box<str>>)>),
    Remove(Vec<Sid>),
    /// Persist what is new (or all), load everything again and go on with that.
    Reload {
        full: bool,
    },
    Query(Vec<usize>),
}

/// The reference: what is listed, and the next sid.
#[derive(Debug, Default)]
struct Model {
    series: BTreeMap<u32, SeriesKey>,
    next: u32,
}

impl Model {
    fn identity(rule: &IdentityRule, key: &SeriesKey) -> Option<SeriesKey> {
        Some(match rule {
            IdentityRule::AllTags => SeriesKey { child: None, tags: key.tags.clone() },
            IdentityRule::ChildName => SeriesKey { child: Some(key.child.clone()?), tags: vec![] },
            IdentityRule::PrimaryTags(ids) => {
                let tags: Vec<_> = key.tags.iter().filter(|(id, _)| ids.contains(id)).cloned().collect();
                (tags.len() == ids.len()).then_some(SeriesKey { child: None, tags })?
            }
        })
    }

    fn find(&self, rule: &IdentityRule, key: &SeriesKey) -> Option<u32> {
        let wanted = Self::identity(rule, key)?;
        self.series
            .iter()
            .find(|(_, k)| Self::identity(rule, k).as_ref() == Some(&wanted))
            .map(|(sid, _)| *sid)
    }

    /// The outcome of set_tags: the new key, or why not.
    fn changed(
        &self,
        rule: &IdentityRule,
        sid: u32,
        changes: &[(ColumnId, Option<Box<str>>)],
    ) -> Result<SeriesKey, &'static str> {
        let key = self.series.get(&sid).ok_or("missing")?;
        let mut tags: BTreeMap<ColumnId, Box<str>> = key.tags.iter().cloned().collect();
        for (id, value) in changes {
            match value {
                Some(v) => drop(tags.insert(*id, v.clone())),
                None => drop(tags.remove(id)),
            }
        }
        let new = SeriesKey { child: key.child.clone(), tags: tags.into_iter().collect() };
        match rule {
            IdentityRule::PrimaryTags(_) if Self::identity(rule, &new) != Self::identity(rule, key) => {
                Err("primary")
            }
            IdentityRule::AllTags if self.find(rule, &new).is_some_and(|other| other != sid) => Err("exists"),
            _ => Ok(new),
        }
    }
}

fn value() -> impl Strategy<Value = Option<Box<str>>> {
    prop_oneof![1 => Just(None), 3 => prop::sample::select(&VALUES[..]).prop_map(|v| Some(v.into()))]
}

fn op() -> impl Strategy<Value = Op> {
    let key =
        (prop::option::weighted(0.9, "[a-f]"), prop::array::uniform3(value())).prop_map(|(child, values)| {
            let tags = TAGS.into_iter().zip(values).filter_map(|(id, v)| Some((id, v?)));
            Op::Create(SeriesKey::new(child.as_deref(), tags))
        });
    let change = prop::collection::vec((prop::sample::select(&TAGS[..]), value()), 0..3);
    prop_oneof![
        6 => key,
        3 => (0..12u32, change).prop_map(|(sid, changes)| Op::Set(sid, changes)),
        1 => prop::collection::vec((0..12u32).prop_map(Sid), 0..3).prop_map(Op::Remove),
        1 => any::<bool>().prop_map(|full| Op::Reload { full }),
        3 => prop::collection::vec(0..VALUES.len(), 0..3).prop_map(Op::Query),
    ]
}

fn rule() -> impl Strategy<Value = IdentityRule> {
    prop::sample::select(vec![
        IdentityRule::AllTags,
        IdentityRule::ChildName,
        IdentityRule::PrimaryTags(vec![ColumnId(2), ColumnId(1)]),
    ])
}

fn query(index: &SeriesIndex, model: &Model, rule: &IdentityRule, values: &[usize]) {
    let listed: RoaringBitmap = model.series.keys().copied().collect();
    assert_eq!(
        (index.all(), index.len(), index.next_sid()),
        (listed.clone(), model.series.len(), model.next)
    );
    let batch = index.tag_batch(&TAGS, None).unwrap();
    assert!(sids(&batch).into_iter().eq(listed.iter()));
    let wanted: Vec<&str> = values.iter().map(|v| VALUES[*v]).collect();
    for tag in TAGS {
        let of = |key: &SeriesKey| key.tag(tag).map(str::to_owned);
        let expected: Vec<Option<String>> = model.series.values().map(of).collect();
        assert_eq!(column(&batch, &format!("c{tag}")), expected);
        let filter = |keep: &dyn Fn(Option<&str>) -> bool| -> RoaringBitmap {
            model.series.iter().filter(|(_, k)| keep(k.tag(tag))).map(|(sid, _)| *sid).collect()
        };
        let among = |v: Option<&str>| v.is_some_and(|v| wanted.contains(&v));
        assert_eq!(index.series_where(tag, &wanted), filter(&among));
        assert_eq!(index.null_series(tag), filter(&|v| v.is_none()));
        let found = strings(&index.tag_values(tag).unwrap());
        let distinct: BTreeSet<Option<String>> = expected.into_iter().filter(Option::is_some).collect();
        assert_eq!(found.len(), distinct.len());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), distinct);
    }
    let names: Vec<Option<String>> =
        model.series.values().map(|k| k.child.as_deref().map(str::to_owned)).collect();
    assert_eq!(strings(&index.child_names(None).unwrap()), names);
    for (sid, key) in &model.series {
        assert_eq!(index.key_of(Sid(*sid)).as_ref(), Some(key));
        assert_eq!(index.lookup(key), Some(Sid(*sid)), "{rule:?} {key:?}");
    }
}

/// The index under test, with the snapshot parts that a shard would have stored.
struct Stored {
    index: SeriesIndex,
    parts: Vec<bytes::Bytes>,
    watermark: u32,
    epoch: u64,
}

impl Stored {
    fn reload(&mut self, rule: &IdentityRule, full: bool) {
        let changed = self.index.epoch() != self.epoch;
        let since = self.index.encode_since(self.watermark, self.epoch).unwrap();
        assert_eq!(since.is_none(), changed);
        match since.filter(|_| !full) {
            Some(part) => self.parts.push(part),
            None => self.parts = vec![self.index.encode_full().unwrap()],
        }
        self.index = SeriesIndex::load(rule.clone(), &self.parts).unwrap();
        (self.watermark, self.epoch) = (self.index.next_sid(), self.index.epoch());
    }
}

fn run(rule: &IdentityRule, ops: Vec<Op>) {
    let mut model = Model::default();
    let mut stored =
        Stored { index: SeriesIndex::new(rule.clone()), parts: Vec::new(), watermark: 0, epoch: 0 };
    for op in ops {
        let index = &mut stored.index;
        match op {
            Op::Create(mut key) => {
                let found = model.find(rule, &key);
                assert_eq!(index.lookup(&key), found.map(Sid));
                let made = index.get_or_create(&key).ok();
                if *rule != IdentityRule::ChildName {
                    key.child = None;
                }
                match (Model::identity(rule, &key), found) {
                    (None, _) => assert_eq!(made, None),
                    (_, Some(sid)) => assert_eq!(made, Some((Sid(sid), false))),
                    (_, None) => {
                        assert_eq!(made, Some((Sid(model.next), true)));
                        model.series.insert(model.next, key);
                        model.next += 1;
                    }
                }
            }
            Op::Set(sid, changes) => {
                let expected = model.changed(rule, sid, &changes);
                let checked = index.check_tags([(Sid(sid), &changes[..])]);
                let epoch = index.epoch();
                let done = index.set_tags(Sid(sid), &changes);
                assert_eq!(checked.is_ok(), done.is_ok());
                match (expected, done) {
                    (Ok(key), Ok(())) => {
                        let before = model.series.insert(sid, key.clone());
                        assert_eq!(index.epoch() != epoch, before != Some(key));
                    }
                    (Err("missing"), Err(SeriesError::NoSuchSeries { .. }))
                    | (Err("primary"), Err(SeriesError::PrimaryTagChange { .. }))
                    | (Err("exists"), Err(SeriesError::SeriesExists { .. })) => {
                        assert_eq!(index.epoch(), epoch);
                    }
                    (expected, done) => panic!("expected {expected:?}, got {done:?}"),
                }
            }
            Op::Remove(gone) => {
                let before = model.series.len();
                model.series.retain(|sid, _| !gone.contains(&Sid(*sid)));
                assert_eq!(index.remove(&gone), before - model.series.len());
            }
            Op::Reload { full } => stored.reload(rule, full),
            Op::Query(values) => query(index, &model, rule, &values),
        }
    }
    query(&stored.index, &model, rule, &[1, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn index_agrees_with_a_plain_map(rule in rule(), ops in prop::collection::vec(op(), 0..60)) {
        run(&rule, ops);
    }
}
