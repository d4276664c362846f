use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, IdentityRule, Sid};

use super::strings::{Strings, StringsView};
use super::{SeriesError, SeriesIndex, SeriesKey};
use crate::physical::{SID, column_name};

/// Tags of series as codes: what [`SeriesIndex::tag_codes`] copies out under the lock, to be made
/// into a batch after it.
#[derive(Clone, Debug)]
pub struct TagCodes {
    sids: Vec<u32>,
    columns: Vec<(ColumnId, Gather)>,
}

/// The numbers of the strings wanted, and the strings. No strings = all NULL.
#[derive(Clone, Debug)]
struct Gather {
    numbers: Vec<u32>,
    strings: Option<StringsView>,
}

impl Gather {
    fn new(numbers: Vec<u32>, strings: &Strings) -> Self {
        let max = numbers.iter().copied().max().unwrap_or(0);
        Self { numbers, strings: Some(strings.view(max)) }
    }

    fn nulls(rows: usize) -> Self {
        Self { numbers: vec![0; rows], strings: None }
    }

    fn finish(self) -> Result<StringViewArray, SeriesError> {
        match self.strings {
            Some(strings) => Ok(strings.gather(self.numbers)?),
            None => Ok(StringViewArray::new_null(self.numbers.len())),
        }
    }
}

impl TagCodes {
    /// `__sid` (`UInt32`, ascending), then one nullable `Utf8View` column `c<id>` per tag asked for.
    pub fn into_batch(self) -> Result<RecordBatch, SeriesError> {
        let mut fields = vec![Field::new(SID, DataType::UInt32, false)];
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(self.sids))];
        for (column, gather) in self.columns {
            fields.push(Field::new(column_name(column), DataType::Utf8View, true));
            arrays.push(Arc::new(gather.finish()?));
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

impl SeriesIndex {
    /// Tags of the series that are listed (and in `sids`, if given), by ascending sid. A tag that no
    /// series has is NULL everywhere; [`ColumnId::CHILD_NAME`] gives the names of child tables. The strings are shared with the index, not copied.
    pub fn tag_batch(
        &self,
        tags: &[ColumnId],
        sids: Option<&RoaringBitmap>,
    ) -> Result<RecordBatch, SeriesError> {
        self.tag_codes(tags, sids).into_batch()
    }

    /// The first half of [`Self::tag_batch`]: the part that needs the lock, about a nanosecond per
    /// series and tag.
    pub fn tag_codes(&self, tags: &[ColumnId], sids: Option<&RoaringBitmap>) -> TagCodes {
        let sids = self.listed(sids);
        let gather = |column: &ColumnId| match self.tags.get(column) {
            None if *column == ColumnId::CHILD_NAME => (*column, self.gather_children(&sids)),
            Some(tag) => (*column, Gather::new(tag.codes().gather(&sids), tag.dictionary().values())),
            None => (*column, Gather::nulls(sids.len())),
        };
        let columns = tags.iter().map(gather).collect();
        TagCodes { sids, columns }
    }

    /// The child names of the same rows as [`Self::tag_batch`]; NULL where child names are not the
    /// identity.
    pub fn child_names(&self, sids: Option<&RoaringBitmap>) -> Result<StringViewArray, SeriesError> {
        self.gather_children(&self.listed(sids)).finish()
    }

    fn gather_children(&self, sids: &[u32]) -> Gather {
        match self.rule() {
            IdentityRule::ChildName => Gather::new(self.children.numbers.gather(sids), &self.children.names),
            IdentityRule::AllTags | IdentityRule::PrimaryTags(_) => Gather::nulls(sids.len()),
        }
    }

    /// All listed series.
    pub fn all(&self) -> RoaringBitmap {
        self.live.clone()
    }

    /// The listed series whose tag, or child name, is one of `values`.
    pub fn series_where(&self, tag: ColumnId, values: &[&str]) -> RoaringBitmap {
        if tag == ColumnId::CHILD_NAME {
            let found = values.iter().filter_map(|name| self.child(name));
            return found.map(|sid| sid.0).collect();
        }
        let Some(column) = self.tags.get(&tag) else { return RoaringBitmap::new() };
        let codes: Vec<u32> = values.iter().filter_map(|v| column.dictionary().lookup(v)).collect();
        if codes.is_empty() {
            return RoaringBitmap::new();
        }
        column.series_with(&codes, &self.live, self.next)
    }

    /// The listed series whose tag is NULL.
    pub fn null_series(&self, tag: ColumnId) -> RoaringBitmap {
        match self.tags.get(&tag) {
            Some(column) => column.series_with(&[0], &self.live, self.next),
            None => self.all(),
        }
    }

    /// The distinct values, without NULL, that listed series have in a tag; in order of first use.
    pub fn tag_values(&self, tag: ColumnId) -> Result<StringViewArray, SeriesError> {
        let Some(column) = self.tags.get(&tag) else { return Ok(StringViewArray::new_null(0)) };
        let mut used = vec![false; column.dictionary().len()];
        for sid in &self.live {
            if let Some(slot) = used.get_mut(column.codes().get(sid) as usize) {
                *slot = true;
            }
        }
        let codes = (0u32..).zip(&used).skip(1).filter_map(|(code, used)| used.then_some(code)).collect();
        Gather::new(codes, column.dictionary().values()).finish()
    }

    /// The series of a child table; none if child names are not the identity.
    pub fn child(&self, name: &str) -> Option<Sid> {
        let key = SeriesKey { child: Some(name.into()), tags: Vec::new() };
        if *self.rule() == IdentityRule::ChildName { self.lookup(&key) } else { None }
    }

    /// Everything about a series; none if it is not listed.
    pub fn key_of(&self, sid: Sid) -> Option<SeriesKey> {
        if !self.live.contains(sid.0) {
            return None;
        }
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(Box::from);
        let child = self.children.names.get(self.children.numbers.get(sid.0)).and_then(text);
        let tag = |(id, tag): (&ColumnId, &super::tag::TagColumn)| Some((*id, text(tag.value(sid.0)?)?));
        Some(SeriesKey { child, tags: self.tags.iter().filter_map(tag).collect() })
    }

    fn listed(&self, sids: Option<&RoaringBitmap>) -> Vec<u32> {
        match sids {
            Some(sids) => (sids & &self.live).iter().collect(),
            None if self.live.len() == u64::from(self.next) => (0..self.next).collect(),
            None => self.live.iter().collect(),
        }
    }
}
