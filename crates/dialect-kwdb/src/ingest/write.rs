//! Points into tables: definitions first, then the rows of each table as columns.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use triglot_engine::{EngineError, Insert, InsertSource, Outcome, Statement, TableName};
use triglot_model::{ColumnDef, ColumnKind, ColumnType, DatabaseDef, TableDef};
use triglot_sql_kwdb::{Context, KwError, column_options, is_key, is_relational, run};

use super::schema::{PRIMARY_TAG, Shape};
use super::value::{Cell, Misfit};
use super::{Point, Read, Style};
use crate::app::KwdbApp;
use crate::face::Tally;
use crate::settings;

/// Others may change the table, too; after so many rounds something is wrong.
const ROUNDS: u32 = 16;
/// How much longer each round waits for a definition that somebody else is making.
const PAUSE: Duration = Duration::from_millis(5);

/// Points of one table that are still to be written, with the places of their outcomes.
type Members<'p, 'a> = Vec<(usize, &'p Point<'a>)>;

/// Writes some points and notes down what came of each.
pub(super) async fn chunk(
    app: &KwdbApp,
    context: &mut Context,
    style: Style,
    chunk: Vec<Read<'_>>,
    tally: &mut Tally,
) {
    let first = tally.outcomes.len();
    let mut tables: Vec<(&str, Members<'_, '_>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (at, read) in chunk.iter().enumerate() {
        tally.outcomes.push(read.as_ref().err().cloned());
        let Ok(point) = read else { continue };
        let place = *known.entry(&point.table).or_insert_with(|| {
            tables.push((&point.table, Vec::new()));
            tables.len() - 1
        });
        if let Some((_, members)) = tables.get_mut(place) {
            members.push((first + at, point));
        }
    }
    for (name, members) in tables {
        table(app, context, style, name, members, tally).await;
    }
}

async fn table(
    app: &KwdbApp,
    context: &mut Context,
    style: Style,
    name: &str,
    mut members: Members<'_, '_>,
    tally: &mut Tally,
) {
    let mut turn = None;
    for round in 0..ROUNDS {
        let (name, def) = match find(app, context, style, name) {
            Ok(found) => found,
            Err(text) => return fail(&members, &text, tally),
        };
        let mut shape = Shape::of(def.as_deref(), style);
        members.retain(|(at, point)| match shape.learn(point) {
            Ok(()) => true,
            Err(text) => {
                note(tally, *at, text);
                false
            }
        });
        if members.is_empty() {
            return;
        }
        let changes = shape.changes(&name);
        if let (true, Some(def)) = (changes.is_empty(), def) {
            drop(turn);
            return rows(app, context, &def, &shape, &members, tally).await;
        }
        if turn.is_none() {
            // What others define meanwhile is seen by looking again.
            turn = Some(app.definitions.lock().await);
            continue;
        }
        let mut is_raced = false;
        for change in changes {
            let Err(error) = run(&app.engine, context, &change.sql).await else { continue };
            // A statement of somebody else was faster, or is under way: the next round sees what there is.
            if matches!(error.sqlstate, "42P07" | "42701") {
                is_raced = true;
                continue;
            }
            members.retain(|(at, point)| {
                let stays = !change.concerns(point, &shape);
                if !stays {
                    note(tally, *at, format!("pq: {}", error.message));
                }
                stays
            });
        }
        if is_raced {
            tokio::time::sleep(PAUSE * round).await;
        }
    }
    fail(&members, "pq: the table is being changed, try again", tally);
}

fn note(tally: &mut Tally, at: usize, text: String) {
    if let Some(outcome) = tally.outcomes.get_mut(at) {
        *outcome = Some(text);
    }
}

fn fail(members: &Members<'_, '_>, text: &str, tally: &mut Tally) {
    for (at, _) in members {
        note(tally, *at, text.to_owned());
    }
}

/// The table that points mean, if it exists, and its name if it has to be made. Where names fold, one in lower case
/// stands in for one that is not there.
fn find(
    app: &KwdbApp,
    context: &Context,
    style: Style,
    name: &str,
) -> Result<(String, Option<Arc<TableDef>>), String> {
    let session = &context.session;
    let catalog = app.engine.catalog();
    let Some(database) = catalog.database(session.tenant, &session.database_name) else {
        // The definition of the table says what is wrong.
        return Ok((name.to_owned(), None));
    };
    let table = |name: &str| catalog.table(database.id, name).cloned();
    let found = match table(name) {
        Some(def) => (name.to_owned(), Some(def)),
        None => {
            let lower = name.to_lowercase();
            match table(&lower).filter(|_| style.folds) {
                Some(def) => (lower, Some(def)),
                None => (name.to_owned(), None),
            }
        }
    };
    check_engine(database, &found.1)?;
    Ok(found)
}

fn check_engine(database: &DatabaseDef, table: &Option<Arc<TableDef>>) -> Result<(), String> {
    match table {
        Some(def) if is_relational(database) => {
            Err(format!("pq: \"{}\" is not a time series table", def.name))
        }
        _ => Ok(()),
    }
}

/// Writes the points that fit, together; where that fails those that are not at fault without the others.
async fn rows(
    app: &KwdbApp,
    context: &Context,
    def: &TableDef,
    shape: &Shape,
    members: &Members<'_, '_>,
    tally: &mut Tally,
) {
    let mut sheet = Sheet::new(def);
    let now_ns = app.engine.clock().now_ns();
    for (at, point) in members {
        if let Err(text) = sheet.add(*at, point, shape, now_ns) {
            note(tally, *at, text);
        }
    }
    let whole = 0..sheet.rows.len();
    let mut parts = vec![whole];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let stored = store(app, context, &sheet, part.clone()).await;
        match stored.map_err(|error| error.named(&app.engine.catalog())) {
            Ok(()) => tally.rows += part.len() as u64,
            Err(error) if part.len() == 1 || !is_about_rows(&error) => {
                for row in sheet.rows.get(part).unwrap_or_default() {
                    note(tally, row.at, format!("pq: {}", error.message));
                }
            }
            Err(_) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
}

/// Whether an error is about some of the rows (values, times, how many at once) and others may be taken.
fn is_about_rows(error: &KwError) -> bool {
    error.sqlstate.starts_with("22") || matches!(error.sqlstate, "42804" | "54000")
}

async fn store(
    app: &KwdbApp,
    context: &Context,
    sheet: &Sheet<'_, '_>,
    part: Range<usize>,
) -> Result<(), KwError> {
    let op = settings::row_op(&app.engine)?;
    let batch = sheet.batch(part).map_err(EngineError::from)?;
    let insert = Insert {
        table: TableName { tenant: None, database: None, table: sheet.def.name.clone() },
        columns: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
        source: InsertSource::Batches(vec![batch]),
        op: Some(op),
    };
    match app.engine.execute(&context.session, Statement::Insert(insert)).await? {
        Outcome::Affected(_) | Outcome::Done | Outcome::Rows(_) => Ok(()),
    }
}

/// Rows of one table.
struct Sheet<'d, 'p> {
    def: &'d TableDef,
    time: &'d str,
    /// Columns that occur, and their places.
    columns: Vec<&'d ColumnDef>,
    places: HashMap<&'d str, usize>,
    /// Columns that no row is without.
    required: Vec<&'d ColumnDef>,
    rows: Vec<Row<'p>>,
}

struct Row<'p> {
    /// The place of its outcome.
    at: usize,
    time: i64,
    cells: Vec<(usize, Cell<'p>)>,
}

impl<'d, 'p> Sheet<'d, 'p> {
    fn new(def: &'d TableDef) -> Self {
        let time = def.time_column().map_or("", |column| &column.name);
        let is_required = |column: &&ColumnDef| {
            let options = column_options(def, column);
            column.kind != ColumnKind::Time
                && (is_key(def, column) || (options.not_null && options.default.is_none()))
        };
        let required = def.columns.iter().filter(is_required).collect();
        Self { def, time, columns: Vec::new(), places: HashMap::new(), required, rows: Vec::new() }
    }

    fn place(&mut self, name: &str) -> Option<(usize, &'d ColumnDef)> {
        let column = self.def.column(name)?;
        let next = self.columns.len();
        let place = *self.places.entry(&column.name).or_insert(next);
        if place == next {
            self.columns.push(column);
        }
        Some((place, column))
    }

    fn add(&mut self, at: usize, point: &'p Point<'_>, shape: &Shape, now_ns: i64) -> Result<(), String> {
        let Some(time) = point.time.in_units(self.def.precision(), now_ns) else {
            return Err(format!("pq: value out of range for type TIMESTAMPTZ (column {})", self.time));
        };
        let mut cells = Vec::with_capacity(point.tags.len() + point.fields.len() + 1);
        for (name, value) in point.tags.iter().chain(&point.fields) {
            let name = shape.name_of(name);
            let (place, column) = self.place(&name).ok_or_else(|| missing(&name))?;
            let cell = match column.kind {
                ColumnKind::Tag => value.tag(&name, column.ty).map(Cell::Text),
                _ => value.cell(&name, column.ty),
            };
            cells.push((place, cell.map_err(|misfit| told(misfit, &name))?));
        }
        let generated = self.place(PRIMARY_TAG).filter(|(_, column)| column.kind == ColumnKind::Tag);
        if let Some((place, _)) = generated
            && !cells.iter().any(|(other, _)| *other == place)
        {
            cells.push((place, Cell::Text((&*point.primary_tag).into())));
        }
        self.check_not_null(&cells)?;
        self.rows.push(Row { at, time, cells });
        Ok(())
    }

    /// Refuses rows without what the table demands.
    fn check_not_null(&self, cells: &[(usize, Cell<'_>)]) -> Result<(), String> {
        for column in &self.required {
            let place = self.places.get(column.name.as_str());
            if !place.is_some_and(|place| cells.iter().any(|(other, _)| other == place)) {
                let name = &column.name;
                return Err(format!("pq: null value in column \"{name}\" violates not-null constraint"));
            }
        }
        Ok(())
    }

    /// Some of the rows as columns.
    fn batch(&self, part: Range<usize>) -> Result<RecordBatch, arrow::error::ArrowError> {
        let rows = self.rows.get(part).unwrap_or_default();
        let mut columns: Vec<Vec<Option<&Cell<'_>>>> = vec![vec![None; rows.len()]; self.columns.len()];
        for (nth, row) in rows.iter().enumerate() {
            for (place, cell) in &row.cells {
                if let Some(slot) = columns.get_mut(*place).and_then(|column| column.get_mut(nth)) {
                    *slot = Some(cell);
                }
            }
        }
        let times: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.time)));
        let mut fields = vec![Field::new(self.time, times.data_type().clone(), false)];
        let mut arrays = vec![times];
        for (column, cells) in self.columns.iter().zip(columns) {
            let array = array(column, &cells);
            fields.push(Field::new(&column.name, array.data_type().clone(), true));
            arrays.push(array);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

fn missing(name: &str) -> String {
    format!("pq: column \"{name}\" does not exist")
}

fn told(misfit: Misfit, name: &str) -> String {
    match misfit {
        Misfit::Never(text) => format!("pq: {text}"),
        Misfit::TooLong(length) => format!("pq: value of length {length} is too long (column {name})"),
    }
}

/// The cells of one column. All of them are of the kind that its type takes.
fn array(column: &ColumnDef, cells: &[Option<&Cell<'_>>]) -> ArrayRef {
    let text = |cell: &Option<&Cell<'_>>| match cell {
        Some(Cell::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    if column.kind == ColumnKind::Tag {
        return Arc::new(cells.iter().map(text).collect::<StringArray>());
    }
    match column.ty {
        ColumnType::Bool => Arc::new(
            cells
                .iter()
                .map(|cell| if let Some(Cell::Bool(v)) = cell { Some(*v) } else { None })
                .collect::<BooleanArray>(),
        ),
        ColumnType::F32 | ColumnType::F64 => Arc::new(
            cells
                .iter()
                .map(|cell| if let Some(Cell::Float(v)) = cell { Some(*v) } else { None })
                .collect::<Float64Array>(),
        ),
        ColumnType::Str { .. } | ColumnType::Json | ColumnType::Geom(_) => {
            Arc::new(cells.iter().map(text).collect::<StringArray>())
        }
        _ => Arc::new(
            cells
                .iter()
                .map(|cell| if let Some(Cell::Int(v)) = cell { Some(*v) } else { None })
                .collect::<Int64Array>(),
        ),
    }
}
