//! TDengine's windows and series functions against plain definitions of them, on random rows: gaps, times that several
//! children have, NULLs, zones with changes of the clock. [`reference`] is written from the sheet `tdengine-sql.md`
//! (sections 7, 8 and 10) and shares nothing with the engine; each query is asked with several bounds of time, so that
//! kept plans are compared as well.
//!
//! The seed is fixed; `TRIGLOT_REFERENCE_CASES` asks for more cases.

mod grids;
mod node;
mod picks;
mod reference;
mod rows;
mod series;
mod windows;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::node::{Cell, Node};
use self::rows::{CHILDREN, Case, Row};

const CASES: u32 = 10;

/// A query and the rows that it must give.
struct Question {
    sql: String,
    expected: Vec<Vec<Cell>>,
    /// Whether the rows come in this order.
    ordered: bool,
}

/// Where a query reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// The first child.
    Child,
    /// The super table in slices of its children.
    Slices,
    /// The super table, the rows of its children together.
    Merged,
    /// The same where all times differ; not asked of other rows.
    Timeline,
}

/// Collects the questions of one case.
struct Asked<'c> {
    case: &'c Case,
    questions: Vec<Question>,
}

impl Asked<'_> {
    /// Asks `items` with `clause` of each of `from`, once for each of the case's bounds; `definition` gives the rows of
    /// one slice, whose first value `order` sorts by.
    fn ask(
        &mut self,
        from: &[From],
        items: &str,
        clause: &str,
        order: &str,
        definition: impl Fn(&[Row]) -> Vec<Vec<Cell>>,
    ) {
        for bounds in &self.case.bounds {
            let condition = bounds.map(|(low, high)| format!("where ts >= {low} and ts < {high}"));
            let condition = condition.unwrap_or_default();
            let slice = |wanted: Option<usize>| self.case.rows_of(wanted, *bounds);
            for from in from {
                let times = slice(None);
                let repeats = times.windows(2).any(|pair| pair[0].ts == pair[1].ts);
                if *from == From::Timeline && repeats {
                    continue;
                }
                let (sql, expected) = match from {
                    From::Child => {
                        let child = &self.case.name(0);
                        (
                            format!("select {items} from {child} {condition} {clause}"),
                            definition(&slice(Some(0))),
                        )
                    }
                    From::Merged | From::Timeline => {
                        let sql = format!("select {items} from {} {condition} {clause}", self.case.table);
                        (sql, definition(&slice(None)))
                    }
                    From::Slices => {
                        let sql = format!(
                            "select tbname, {items} from {} {condition} partition by tbname {clause} order by tbname, {order}",
                            self.case.table
                        );
                        let rows = (0..CHILDREN).flat_map(|child| {
                            let name = Cell::Text(self.case.name(child));
                            let rows = definition(&slice(Some(child))).into_iter();
                            rows.map(move |row| std::iter::once(name.clone()).chain(row).collect::<Vec<_>>())
                        });
                        (sql, rows.collect())
                    }
                };
                self.questions.push(Question { sql, expected, ordered: true });
            }
        }
    }

    /// The same where rows come in any order.
    fn ask_unordered(
        &mut self,
        from: &[From],
        items: &str,
        clause: &str,
        order: &str,
        definition: impl Fn(&[Row]) -> Vec<Vec<Cell>>,
    ) {
        let before = self.questions.len();
        self.ask(from, items, clause, order, definition);
        self.questions.iter_mut().skip(before).for_each(|q| q.ordered = false);
    }
}

fn runner() -> TestRunner {
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

async fn compare(questions: fn(&mut Asked<'_>)) {
    let cases = std::env::var("TRIGLOT_REFERENCE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    let node = Node::start().await;
    let (mut runner, mut failures, mut rows_compared) = (runner(), Vec::new(), 0);
    for number in 0..cases {
        let case = rows::case(number).new_tree(&mut runner).unwrap().current();
        node.load(&case).await;
        let mut asked = Asked { case: &case, questions: Vec::new() };
        questions(&mut asked);
        for question in asked.questions {
            rows_compared += question.expected.len();
            if let Err(difference) = node.check(case.zone, &question).await {
                failures.push(format!("{} ({})\n{difference}", question.sql, case.zone));
            }
        }
    }
    assert!(rows_compared > 100, "{rows_compared} rows in all");
    let first = failures.iter().take(6).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} answers differ, among them:\n{first}", failures.len());
}

#[tokio::test]
async fn intervals() {
    compare(grids::intervals).await;
}

#[tokio::test]
async fn fills() {
    compare(grids::fills).await;
}

#[tokio::test]
async fn functions_of_intervals_that_look_beyond_their_edges() {
    compare(grids::beyond_edges).await;
}

#[tokio::test]
async fn windows_of_rows() {
    compare(windows::questions).await;
}

#[tokio::test]
async fn series_functions() {
    compare(series::questions).await;
}

#[tokio::test]
async fn selections() {
    compare(picks::questions).await;
}
