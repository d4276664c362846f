//! A query without the values that pick its rows.

use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::{Expr, Operator, binary_expr, cast, lit};
use datafusion::logical_expr_common::type_coercion::binary::BinaryTypeCoercer;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Ident, Query, SetExpr, TableFactor, Value, visit_expressions,
};
use triglot_model::{ColumnDef, ColumnKind, TableDef};

use crate::planning::full_name;
use crate::table::{Pushdown, classify};
use crate::{QuerySession, SeriesTable};

/// What two queries have in common that differ only in bounds on time and in wanted tag values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    statement: StatementKey,
    table: TableKey,
}

/// A statement with those values taken out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum StatementKey {
    /// DataFusion's syntax tree.
    Tree(Box<Query>),
    /// Text of another language, and what else decides its plan.
    Text(Box<str>),
}

/// A version of a table: an altered one is another.
#[derive(Clone, Debug)]
struct TableKey(Arc<TableDef>);

impl PartialEq for TableKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TableKey {}

impl Hash for TableKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Shape {
    fn new(statement: StatementKey, table: &SeriesTable) -> Self {
        Self { statement, table: TableKey(Arc::clone(table.source().table())) }
    }

    /// Bytes of the text, roughly.
    pub(super) fn text_len(&self) -> usize {
        match &self.statement {
            StatementKey::Tree(query) => query.to_string().len(),
            StatementKey::Text(text) => text.len(),
        }
    }
}

/// A query over one table as its shape and the values that were taken out.
#[derive(Clone, Debug)]
pub struct ShapedQuery {
    pub(super) shape: Shape,
    /// The table as of now.
    pub(super) table: SeriesTable,
    /// The conjuncts whose values were taken out, typed. Each is decided exactly by a scan.
    pub(super) filters: Vec<Expr>,
}

impl ShapedQuery {
    /// A query of a language of its own over `table`, which was looked up (and allowed) for this request.
    ///
    /// `filters` are conjuncts of its WHERE that mention nothing but time and tags, typed, with names as the plan has
    /// them. `text` says all else that decides the plan: the statement, in which the values of `filters` may be left
    /// out, and settings of the session that planning reads. Two queries of one text must differ in `filters` alone.
    pub fn of_text(text: impl Into<Box<str>>, table: SeriesTable, filters: Vec<Expr>) -> Self {
        Self { shape: Shape::new(StatementKey::Text(text.into()), &table), table, filters }
    }

    /// The shape of a query in SQL, if it reads one table and each conjunct of its WHERE either compares time or
    /// a tag with literals, or mentions a field. None also where anything is wrong with the query: the
    /// planner says what.
    pub(super) fn of_tree(query: &Query, session: &QuerySession) -> Option<Self> {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let [from] = select.from.as_slice() else { return None };
        let TableFactor::Table { name, args: None, .. } = &from.relation else { return None };
        if query.with.is_some() || !from.joins.is_empty() {
            return None;
        }
        let normalize = session.normalizes_identifiers();
        let reference = object_name_to_table_reference(name.clone(), normalize).ok()?;
        let resolved =
            session.context().resolver.resolve(&full_name(session.context(), &reference)).ok()??;
        let table = resolved.downcast_ref::<SeriesTable>()?.clone();
        let def = Arc::clone(table.source().table());
        let mut statement = query.clone();
        let mut taker = Taker { table: &def, normalize, filters: Vec::new() };
        if let SetExpr::Select(select) = statement.body.as_mut()
            && let Some(condition) = &mut select.selection
        {
            taker.take(condition)?;
        }
        let filters = taker.filters;
        let shape = Shape::new(StatementKey::Tree(Box::new(statement)), &table);
        Some(Self { shape, table, filters })
    }
}

/// Takes values out of a WHERE.
struct Taker<'t> {
    table: &'t TableDef,
    normalize: bool,
    filters: Vec<Expr>,
}

impl<'t> Taker<'t> {
    /// Takes the values out of the conjuncts of `condition`; None if one of them has to be planned.
    fn take(&mut self, condition: &mut ast::Expr) -> Option<()> {
        let taken = match condition {
            ast::Expr::Nested(inner) => return self.take(inner),
            ast::Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.take(left)?;
                return self.take(right);
            }
            ast::Expr::BinaryOp { left, op, right } => self.comparison(left, op, right),
            ast::Expr::InList { expr, list, negated: false } => self.in_list(expr, list),
            ast::Expr::Between { expr, negated: false, low, high } => self.between(expr, low, high),
            _ => None,
        };
        match taken {
            Some(filter) => self.filters.push(filter),
            // The planner leaves to a filter what mentions a field, so its values stay in the plan.
            None if !self.mentions_field(condition) => return None,
            None => {}
        }
        Some(())
    }

    fn comparison(&self, left: &mut ast::Expr, op: &BinaryOperator, right: &mut ast::Expr) -> Option<Expr> {
        let op = match op {
            BinaryOperator::Eq => Operator::Eq,
            BinaryOperator::Lt => Operator::Lt,
            BinaryOperator::LtEq => Operator::LtEq,
            BinaryOperator::Gt => Operator::Gt,
            BinaryOperator::GtEq => Operator::GtEq,
            _ => return None,
        };
        let (column, op, value) = match (self.column(left), self.column(right)) {
            (Some(column), None) => (column, op, right),
            (None, Some(column)) => (column, op.swap()?, left),
            _ => return None,
        };
        match column.kind {
            ColumnKind::Time => self.time_bound(column, op, value),
            ColumnKind::Tag if op == Operator::Eq => {
                let text = lit(std::mem::take(string(value)?));
                Some(binary_expr(named(column), op, text))
            }
            _ => None,
        }
    }

    fn in_list(&self, expr: &ast::Expr, list: &mut Vec<ast::Expr>) -> Option<Expr> {
        let column = self.column(expr).filter(|c| c.kind == ColumnKind::Tag)?;
        if list.is_empty() || !list.iter_mut().all(|item| string(item).is_some()) {
            return None;
        }
        let values = std::mem::take(list);
        let values = values.into_iter().filter_map(|mut v| Some(lit(std::mem::take(string(&mut v)?))));
        Some(Expr::InList(InList::new(Box::new(named(column)), values.collect(), false)))
    }

    fn between(&self, expr: &ast::Expr, low: &mut ast::Expr, high: &mut ast::Expr) -> Option<Expr> {
        let column = self.column(expr).filter(|c| c.kind == ColumnKind::Time)?;
        let (type_low, low) = self.instant(column, Operator::GtEq, low)?;
        let (type_high, high) = self.instant(column, Operator::LtEq, high)?;
        if type_low != type_high {
            return None;
        }
        let time = Box::new(as_type(column, &type_low));
        let filter = Expr::Between(Between::new(time, false, Box::new(low), Box::new(high)));
        self.is_decided(&filter).then_some(filter)
    }

    fn time_bound(&self, column: &ColumnDef, op: Operator, value: &mut ast::Expr) -> Option<Expr> {
        let (compared, literal) = self.instant(column, op, value)?;
        let filter = binary_expr(as_type(column, &compared), op, literal);
        self.is_decided(&filter).then_some(filter)
    }

    fn is_decided(&self, filter: &Expr) -> bool {
        matches!(classify(filter, self.table), Pushdown::Time { exact: true, .. })
    }

    /// Takes a literal out that is compared with time: it, and the type in which it is compared. The
    /// same coercion and the same cast as the planner's.
    fn instant(&self, column: &ColumnDef, op: Operator, value: &mut ast::Expr) -> Option<(DataType, Expr)> {
        let (given, taken) = match value {
            ast::Expr::Value(value) => match &mut value.value {
                Value::SingleQuotedString(text) => (ScalarValue::from(text.as_str()), text),
                Value::Number(number, false) => (ScalarValue::from(number.parse::<i64>().ok()?), number),
                _ => return None,
            },
            _ => return None,
        };
        let own = column.ty.arrow();
        let (left, right) = BinaryTypeCoercer::new(&own, &op, &given.data_type()).get_input_types().ok()?;
        let literal = lit(given.cast_to(&right).ok()?);
        taken.clear();
        Some((left, literal))
    }

    /// The column that `expr` names.
    fn column(&self, expr: &ast::Expr) -> Option<&'t ColumnDef> {
        let name = match expr {
            ast::Expr::Identifier(name) => name,
            ast::Expr::CompoundIdentifier(names) => names.last()?,
            _ => return None,
        };
        self.table.column(&self.normalized(name))
    }

    fn normalized(&self, name: &Ident) -> String {
        if self.normalize && name.quote_style.is_none() {
            name.value.to_ascii_lowercase()
        } else {
            name.value.clone()
        }
    }

    fn mentions_field(&self, expr: &ast::Expr) -> bool {
        let found = visit_expressions(expr, |part| match self.column(part).map(|c| c.kind) {
            Some(ColumnKind::Field | ColumnKind::CompositeKey) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        found.is_break()
    }
}

fn named(column: &ColumnDef) -> Expr {
    Expr::Column(Column::new_unqualified(&column.name))
}

fn as_type(column: &ColumnDef, ty: &DataType) -> Expr {
    if *ty == column.ty.arrow() { named(column) } else { cast(named(column), ty.clone()) }
}

fn string(expr: &mut ast::Expr) -> Option<&mut String> {
    match expr {
        ast::Expr::Value(value) => match &mut value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
