//! The rows of a body while it is read: tables with what they need, series, values.

use std::borrow::Cow;
use std::collections::HashMap;

use triglot_engine::{
    KnownSeries, NewChild, RawKey, RecallRoom, Recalled, RowsOf, SeriesRows, TableIn, md5_child_name,
};
use triglot_model::{ColumnId, Precision, TableDef, TableId};

use super::recall::Recall;
use super::value::{Value, invalid};
use crate::insert::rows::{Listed, TableRows};
use crate::lower::names::engine_name;
use crate::{TaosError, TaosType};

/// Limits of names (sheet section 5.4).
const MAX_TABLE_NAME: usize = 192;
const MAX_KEY: usize = 64;

/// How rows become tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Time to live, in days, of child tables that are made.
    pub ttl: Option<u32>,
    /// `table_name_key`: the tag whose value is the child table's name, and no tag.
    pub name_tag: Option<String>,
}

/// A time in units of so many nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// How many units.
    pub value: i64,
    /// Nanoseconds of a unit.
    pub unit_ns: i64,
}

/// What a table needs of one tag or column.
#[derive(Debug)]
pub(super) struct Need<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) ty: TaosType,
    /// Bytes of the longest value.
    pub(super) longest: usize,
    /// The last row that has it, counted from 1.
    pub(super) last_row: usize,
}

/// Tags or columns in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Needs<'a> {
    pub(super) all: Vec<Need<'a>>,
    by_name: HashMap<Cow<'a, str>, usize>,
    /// Where the next one is expected: rows mostly have the columns of the row before.
    cursor: usize,
}

impl<'a> Needs<'a> {
    fn place(&mut self, name: Cow<'a, str>, value: &Value<'_>) -> Result<usize, TaosError> {
        let expected = self.all.get(self.cursor).is_some_and(|need| need.name == name);
        let known = if expected { Some(self.cursor) } else { self.by_name.get(&name).copied() };
        let at = match known {
            Some(at) => at,
            None => {
                if name.is_empty() || name.len() > MAX_KEY {
                    return Err(invalid(format!("Invalid key or key is too long than {MAX_KEY}: {name}")));
                }
                self.by_name.insert(name.clone(), self.all.len());
                self.all.push(Need { name, ty: value.ty(), longest: 0, last_row: 0 });
                self.all.len() - 1
            }
        };
        self.cursor = at + 1;
        let Some(need) = self.all.get_mut(at) else { return Err(invalid("a column is lost")) };
        if need.ty != value.ty() {
            let detail = format!("{} is {} and {}", need.name, need.ty, value.ty());
            return Err(TaosError::new(0x3004, format!("Not the same type like before: {detail}")));
        }
        need.longest = need.longest.max(value.length());
        Ok(at)
    }
}

/// One super table of the body.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) name: String,
    /// The name of the time column, if the table is made.
    pub(super) time_name: &'static str,
    pub(super) tags: Needs<'a>,
    pub(super) columns: Needs<'a>,
    /// Some of its series are known from before: it exists, and what tags they have is not told here.
    pub(super) is_known: bool,
}

#[derive(Debug)]
struct Series<'a> {
    table: usize,
    /// Under what it is remembered.
    key: Option<RawKey>,
    of: Of<'a>,
}

#[derive(Debug)]
enum Of<'a> {
    Known(KnownSeries),
    Child(Box<Child<'a>>),
}

#[derive(Debug)]
struct Child<'a> {
    name: String,
    /// Place among the table's tags, and value.
    tags: Vec<(usize, Value<'a>)>,
}

#[derive(Debug)]
struct Row {
    series: u32,
    time: i64,
    /// Where its values end in `values`.
    end: usize,
}

/// The rows of a body.
#[derive(Debug)]
pub struct Points<'a> {
    precision: Precision,
    now_ns: i64,
    options: &'a Options,
    recall: Option<Recall<'a>>,
    /// For looking up many series.
    room: RecallRoom,
    pub(super) tables: Vec<Table<'a>>,
    tables_by_name: HashMap<String, usize>,
    /// Tables of known series; none: not to be written to in this way.
    tables_by_id: HashMap<TableId, Option<usize>>,
    series: Vec<Series<'a>>,
    series_by_key: HashMap<RawKey, u32>,
    series_by_child: HashMap<(usize, String), u32>,
    rows: Vec<Row>,
    /// Place among the table's columns, and value.
    values: Vec<(usize, Value<'a>)>,
}

/// A series of [`Points`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesOf(u32);

impl<'a> Points<'a> {
    /// `recall`: whence series of former requests are known.
    pub(super) fn new(
        precision: Precision,
        now_ns: i64,
        options: &'a Options,
        recall: Option<Recall<'a>>,
    ) -> Self {
        Self {
            precision,
            now_ns,
            options,
            recall,
            room: RecallRoom::default(),
            tables: Vec::new(),
            tables_by_name: HashMap::new(),
            tables_by_id: HashMap::new(),
            series: Vec::new(),
            series_by_key: HashMap::new(),
            series_by_child: HashMap::new(),
            rows: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The series that these bytes stood for before, in this body or lately in another.
    pub fn known(&mut self, key: &[u8]) -> Option<SeriesOf> {
        let recall = self.recall.as_ref()?;
        let key = recall.key(key);
        if let Some(known) = self.series_by_key.get(&key) {
            return Some(SeriesOf(*known));
        }
        let series = recall.series(key).and_then(|known| self.known_series(key, known))?;
        self.series_by_key.insert(key, series.0);
        Some(series)
    }

    /// Looks up many series of former requests at once into `found`, in the order of the keys: a fraction of what one
    /// look-up after the other takes. For formats that name each series once a request, mostly with one row: give some
    /// hundred keys at a time.
    pub fn recall_all<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        found: &mut Vec<Option<SeriesOf>>,
    ) {
        found.clear();
        let mut room = std::mem::take(&mut self.room);
        match &self.recall {
            Some(recall) if recall.may_recall => {
                let recalled = recall.all(keys, &mut room);
                let known =
                    |known: &Option<Recalled>| known.and_then(|it| self.known_series(it.key, it.series));
                found.extend(recalled.iter().map(known));
            }
            _ => found.extend(keys.map(|_| None)),
        }
        self.room = room;
    }

    /// Makes room for about so many rows with one value each.
    pub fn expect(&mut self, rows: usize) {
        self.series.reserve(rows);
        self.rows.reserve(rows);
        self.values.reserve(rows);
    }

    /// Adds a series that is known, if it is of a table that takes rows without a schema.
    fn known_series(&mut self, key: RawKey, known: KnownSeries) -> Option<SeriesOf> {
        let table = match self.tables_by_id.get(&known.table()) {
            Some(table) => (*table)?,
            None => {
                let name = self.recall.as_ref()?.table(known).map(|def| def.name.clone());
                let table = name.and_then(|name| self.table(&name, "_ts").ok());
                self.tables_by_id.insert(known.table(), table);
                table?
            }
        };
        self.tables.get_mut(table)?.is_known = true;
        let number = u32::try_from(self.series.len()).ok()?;
        self.series.push(Series { table, key: Some(key), of: Of::Known(known) });
        Some(SeriesOf(number))
    }

    /// Adds a series under its key.
    fn push(&mut self, series: Series<'a>) -> Result<SeriesOf, TaosError> {
        let number = u32::try_from(self.series.len()).map_err(|_| invalid("too many series"))?;
        if let Some(key) = series.key {
            self.series_by_key.insert(key, number);
        }
        self.series.push(series);
        Ok(SeriesOf(number))
    }

    /// The series of a super table with these tags; its child table is named by the rule. `key`: bytes that
    /// determine both, for [`Points::known`], which the caller has asked.
    ///
    /// # Errors
    /// Names that are empty or too long, a tag twice, two types for one tag.
    pub fn series(
        &mut self,
        key: Option<&[u8]>,
        table: &str,
        mut tags: Vec<(Cow<'a, str>, Value<'a>)>,
    ) -> Result<SeriesOf, TaosError> {
        let name = table.replace('.', "_");
        check_no_duplicates(&tags)?;
        let wanted = self.options.name_tag.as_deref();
        let named = wanted.and_then(|wanted| tags.iter().position(|(name, _)| name == wanted));
        let child = match named.map(|at| tags.remove(at).1) {
            Some(value) => given_name(&value)?,
            None => child_of(&name, &tags),
        };
        self.add(key, &name, "_ts", child, tags)
    }

    /// The series of a super table of a fixed form, by the child table's name.
    ///
    /// # Errors
    /// As with [`Points::series`].
    pub fn series_named(
        &mut self,
        key: Option<&[u8]>,
        table: &str,
        time_name: &'static str,
        child: String,
        tags: Vec<(Cow<'a, str>, Value<'a>)>,
    ) -> Result<SeriesOf, TaosError> {
        self.add(key, table, time_name, child, tags)
    }

    fn add(
        &mut self,
        key: Option<&[u8]>,
        table: &str,
        time_name: &'static str,
        child: String,
        tags: Vec<(Cow<'a, str>, Value<'a>)>,
    ) -> Result<SeriesOf, TaosError> {
        let at = self.table(table, time_name)?;
        if child.is_empty() || child.len() > MAX_TABLE_NAME {
            return Err(TaosError::new(0x2617, format!("Invalid identifier name: {child}")));
        }
        // The first tags of a name win.
        let known = (at, child);
        if let Some(series) = self.series_by_child.get(&known) {
            return Ok(SeriesOf(*series));
        }
        let Some(table) = self.tables.get_mut(at) else { return Err(invalid("a table is lost")) };
        table.tags.cursor = 0;
        let mut placed = Vec::with_capacity(tags.len());
        for (name, value) in tags {
            placed.push((table.tags.place(name, &value)?, value));
        }
        let key = key.zip(self.recall.as_ref()).map(|(key, recall)| recall.key(key));
        let child = Child { name: known.1.clone(), tags: placed };
        let series = self.push(Series { table: at, key, of: Of::Child(Box::new(child)) })?;
        self.series_by_child.insert(known, series.0);
        Ok(series)
    }

    fn table(&mut self, name: &str, time_name: &'static str) -> Result<usize, TaosError> {
        if let Some(at) = self.tables_by_name.get(name) {
            return Ok(*at);
        }
        if name.is_empty() || name.len() > MAX_TABLE_NAME {
            return Err(TaosError::new(0x2617, format!("Invalid identifier name: {name}")));
        }
        let (tags, columns) = (Needs::default(), Needs::default());
        self.tables.push(Table { name: name.to_owned(), time_name, tags, columns, is_known: false });
        self.tables_by_name.insert(name.to_owned(), self.tables.len() - 1);
        Ok(self.tables.len() - 1)
    }

    /// A row of a series. No time is the server's.
    ///
    /// # Errors
    /// A row without values, a column twice, two types for one column, a time out of range.
    pub fn row(
        &mut self,
        series: SeriesOf,
        time: Option<Time>,
        fields: impl IntoIterator<Item = (Cow<'a, str>, Value<'a>)>,
    ) -> Result<(), TaosError> {
        let instant = self.instant(time)?;
        let table = self.series.get(series.0 as usize).and_then(|s| self.tables.get_mut(s.table));
        let Some(table) = table else { return Err(invalid("a series is lost")) };
        let (begin, number) = (self.values.len(), self.rows.len() + 1);
        table.columns.cursor = 0;
        for (name, value) in fields {
            let at = table.columns.place(name, &value)?;
            if let Some(need) = table.columns.all.get_mut(at)
                && std::mem::replace(&mut need.last_row, number) == number
            {
                return Err(duplicate(&need.name));
            }
            self.values.push((at, value));
        }
        if self.values.len() == begin {
            return Err(invalid("a row has no value"));
        }
        self.rows.push(Row { series: series.0, time: instant, end: self.values.len() });
        Ok(())
    }

    fn instant(&self, time: Option<Time>) -> Result<i64, TaosError> {
        let Some(Time { value, unit_ns }) = time else {
            return Ok(self.precision.from_ns(self.now_ns));
        };
        if unit_ns == self.precision.ns() {
            return Ok(value);
        }
        let scaled = (i128::from(value) * i128::from(unit_ns)).div_euclid(i128::from(self.precision.ns()));
        i64::try_from(scaled).map_err(|_| TaosError::new(0x060B, "Timestamp data out of range"))
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as columns. `targets` are the tables, one for each of `self.tables`.
    pub(super) fn into_rows(
        self,
        targets: Vec<TableIn>,
        database: &str,
    ) -> Result<Vec<SeriesRows>, TaosError> {
        let mut targets: Vec<Target> =
            targets.into_iter().zip(&self.tables).map(|(table, needs)| Target::new(table, needs)).collect();
        // The number of each series in its table's rows, once it has some.
        let mut numbers = vec![None; self.series.len()];
        let mut begin = 0;
        for row in &self.rows {
            let values = self.values.get(begin..row.end).unwrap_or_default();
            begin = row.end;
            let at = row.series as usize;
            let (Some(series), Some(number)) = (self.series.get(at), numbers.get_mut(at)) else { continue };
            let Some(target) = targets.get_mut(series.table) else { continue };
            let number = match *number {
                Some(number) => number,
                None => *number.insert(target.series(series, database, self.options.ttl)?),
            };
            target.row(number, row.time, values)?;
        }
        Ok(targets.into_iter().filter_map(|target| target.rows.finish()).collect())
    }
}

/// A table that takes the rows.
struct Target {
    rows: TableRows,
    /// The tags' ids and the columns' places in the table, in the order of the needs.
    tags: Vec<Option<ColumnId>>,
    columns: Vec<Option<usize>>,
    /// The places of the row before, and what they are listed as: mostly those of the next one.
    before: (Vec<usize>, Option<Listed>),
    /// The places of a row while it is read.
    places: Vec<usize>,
}

impl Target {
    fn new(table: TableIn, needs: &Table<'_>) -> Self {
        let def: &TableDef = &table.def;
        let place = |name: &str| def.columns.iter().position(|c| c.name == name);
        let tags = needs.tags.all.iter().map(|need| def.column(&need.name).map(|c| c.id)).collect();
        let columns = needs.columns.all.iter().map(|need| place(&need.name)).collect();
        Self { rows: TableRows::new(table), tags, columns, before: (Vec::new(), None), places: Vec::new() }
    }

    fn series(&mut self, series: &Series<'_>, database: &str, ttl: Option<u32>) -> Result<u32, TaosError> {
        let of = match &series.of {
            Of::Known(known) => RowsOf::Known(*known),
            Of::Child(child) => {
                let Child { name, tags } = &**child;
                let def = &self.rows.table.def;
                let tag = |(at, value): &(usize, Value<'_>)| {
                    let id = self.tags.get(*at).copied().flatten()?;
                    let ty = def.column_by_id(id)?.ty;
                    Some((id, value.stored().tag_text(ty)?.into_boxed_str()))
                };
                RowsOf::Ensure(Box::new(NewChild {
                    table: engine_name(database, &def.name),
                    name: name.clone(),
                    tags: tags.iter().filter_map(tag).collect(),
                    ttl,
                    comment: None,
                    if_not_exists: true,
                }))
            }
        };
        self.rows.add_series(of, series.key)
    }

    fn row(&mut self, series: u32, time: i64, values: &[(usize, Value<'_>)]) -> Result<(), TaosError> {
        self.places.clear();
        for (at, value) in values {
            let Some(Some(place)) = self.columns.get(*at) else { continue };
            self.rows.push(*place, &value.stored())?;
            self.places.push(*place);
        }
        let listed = match self.before.1 {
            Some(listed) if self.before.0 == self.places => listed,
            _ => {
                let listed = self.rows.list(&self.places);
                std::mem::swap(&mut self.before.0, &mut self.places);
                self.before.1 = Some(listed);
                listed
            }
        };
        self.rows.end_row(series, time, &listed)
    }
}

fn duplicate(name: &str) -> TaosError {
    TaosError::new(0x263C, format!("Duplicated column names: {name}"))
}

fn check_no_duplicates(tags: &[(Cow<'_, str>, Value<'_>)]) -> Result<(), TaosError> {
    let mut names: Vec<&str> = tags.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    twice.map_or(Ok(()), |name| Err(duplicate(name)))
}

/// The child table's name that a tag gives.
fn given_name(value: &Value<'_>) -> Result<String, TaosError> {
    match value {
        Value::Varchar(text) | Value::Nchar(text) if !text.is_empty() => Ok(text.replace('.', "_")),
        _ => Err(invalid("the tag that names the table is no text")),
    }
}

/// The child table's name by the rule: of `table,k1=v1,k2=v2…`, tags in the order of their names.
fn child_of(table: &str, tags: &[(Cow<'_, str>, Value<'_>)]) -> String {
    let mut sorted: Vec<_> = tags.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut text = table.as_bytes().to_vec();
    for (name, value) in sorted {
        text.push(b',');
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        value.push_name(&mut text);
    }
    md5_child_name(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child_name<'s>(series: &'s Series<'_>) -> &'s str {
        match &series.of {
            Of::Child(child) => &child.name,
            Of::Known(_) => "",
        }
    }

    fn text(text: &str) -> Value<'_> {
        Value::Nchar(text.into())
    }

    #[test]
    fn children_are_named_as_the_vendor_names_them() {
        let tags = [("t3".into(), text("t3")), ("t1".into(), text("t1")), ("t2".into(), text("t2"))];
        assert_eq!(child_of("stable", &tags), "t_0799064f5487946e5d22164a822acfc8");
        assert_eq!(
            child_of("measurement", &[("host".into(), text("host1"))]),
            "t_1e2f01eda79dc691cf0e7e3f3730d43b"
        );
    }

    #[test]
    fn the_first_tags_of_a_name_win_and_the_naming_tag_is_none() {
        let options = Options { ttl: None, name_tag: Some("id".to_owned()) };
        let mut points = Points::new(Precision::Milli, 0, &options, None);
        let one =
            points.series(None, "m.x", vec![("id".into(), text("a.b")), ("k".into(), text("1"))]).unwrap();
        let two =
            points.series(None, "m.x", vec![("id".into(), text("a.b")), ("k".into(), text("2"))]).unwrap();
        assert_eq!(one, two);
        assert_eq!((child_name(&points.series[0]), points.tables[0].name.as_str()), ("a_b", "m_x"));
        assert_eq!(points.tables[0].tags.all.len(), 1);
    }

    #[test]
    fn times_are_converted() {
        let options = Options::default();
        let points = Points::new(Precision::Milli, 7_000_000, &options, None);
        assert_eq!(points.instant(None), Ok(7));
        assert_eq!(points.instant(Some(Time { value: 0, unit_ns: 1 })), Ok(0));
        assert_eq!(points.instant(Some(Time { value: 1_999_999, unit_ns: 1 })), Ok(1));
        assert_eq!(points.instant(Some(Time { value: 2, unit_ns: 3_600_000_000_000 })), Ok(7_200_000));
        let far = Some(Time { value: i64::MAX, unit_ns: 3_600_000_000_000 });
        assert_eq!(points.instant(far).unwrap_err().code, 0x060B);
    }

    #[test]
    fn faults_of_rows_have_the_vendors_codes() {
        let options = Options::default();
        let mut points = Points::new(Precision::Nano, 0, &options, None);
        let series = points.series(None, "m", vec![]).unwrap();
        let mut code = |fields: Vec<(&'static str, Value<'static>)>| {
            let fields = fields.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
            points.row(series, None, fields).map_err(|e| e.code)
        };
        assert_eq!(code(vec![("a", Value::I64(1)), ("b", Value::F64(1.0))]), Ok(()));
        assert_eq!(code(vec![("b", Value::F64(1.0)), ("a", Value::I64(1))]), Ok(()));
        assert_eq!(code(vec![("a", Value::F64(1.0))]), Err(0x3004));
        assert_eq!(code(vec![("a", Value::I64(1)), ("a", Value::I64(1))]), Err(0x263C));
        assert_eq!(code(vec![]), Err(0x3002));
        let twice = vec![("t".into(), text("1")), ("t".into(), text("2"))];
        assert_eq!(points.series(None, "m", twice).unwrap_err().code, 0x263C);
        assert_eq!(points.series(None, &"m".repeat(193), vec![]).unwrap_err().code, 0x2617);
    }
}
