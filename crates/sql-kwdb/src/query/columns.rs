//! What `column_meta` tells of a result (sheet section 7.1): types as tables declare them, followed through the plan.

use arrow::datatypes::DataType;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, ExprSchemable, Join, JoinType, LogicalPlan, Operator,
};
use triglot_engine::{Engine, Session, TableName};
use triglot_model::ColumnKind;

use super::functions::markers::{Agg, Marker};
use super::functions::zoned::cast_target;
use super::syntax::shown;
use crate::types::{ColumnMeta, KwType, TypeSpec};

/// The columns of a plan as the planner made it.
pub(super) fn columns(plan: &LogicalPlan, engine: &Engine, session: &Session) -> Vec<ColumnMeta> {
    let tables = Tables { engine, session };
    let fields = plan.schema().fields().iter().enumerate();
    fields.map(|(at, field)| tables.of(plan, at).meta(shown(field.name()))).collect()
}

/// The type of results that no table declares.
fn of_arrow(ty: &DataType) -> TypeSpec {
    TypeSpec::plain(match ty {
        DataType::Boolean => KwType::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => KwType::Int2,
        DataType::Int32 | DataType::UInt16 => KwType::Int4,
        DataType::Int64 | DataType::UInt32 => KwType::Int8,
        DataType::UInt64 => KwType::Int8,
        DataType::Float16 | DataType::Float32 => KwType::Float4,
        DataType::Float64 => KwType::Float8,
        DataType::Decimal128(..) | DataType::Decimal256(..) => KwType::Decimal,
        DataType::Timestamp(..) => KwType::TimestampTz,
        DataType::Date32 | DataType::Date64 => KwType::Date,
        DataType::Time32(_) | DataType::Time64(_) => KwType::Time,
        DataType::Interval(_) | DataType::Duration(_) => KwType::Interval,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => KwType::Bytes,
        DataType::Null => KwType::Unknown,
        _ => KwType::Text,
    })
}

/// Functions of DataFusion's that count in 32 bits, and in KWDB are INT8.
const COUNTING: [&str; 7] =
    ["character_length", "octet_length", "bit_length", "ascii", "strpos", "levenshtein", "find_in_set"];

struct Tables<'a> {
    engine: &'a Engine,
    session: &'a Session,
}

impl Tables<'_> {
    /// The type of a plan's column.
    fn of(&self, plan: &LogicalPlan, at: usize) -> TypeSpec {
        let Some(field) = plan.schema().fields().get(at) else { return TypeSpec::plain(KwType::Unknown) };
        self.declared(plan, at).unwrap_or_else(|| of_arrow(field.data_type()))
    }

    fn declared(&self, plan: &LogicalPlan, at: usize) -> Option<TypeSpec> {
        match plan {
            LogicalPlan::Projection(node) => self.of_expr(node.expr.get(at)?, &node.input),
            LogicalPlan::SubqueryAlias(node) => self.declared(&node.input, at),
            LogicalPlan::Filter(node) => self.declared(&node.input, at),
            LogicalPlan::Sort(node) => self.declared(&node.input, at),
            LogicalPlan::Limit(node) => self.declared(&node.input, at),
            LogicalPlan::Distinct(Distinct::All(input)) => self.declared(input, at),
            LogicalPlan::Distinct(Distinct::On(node)) => self.of_expr(node.select_expr.get(at)?, &node.input),
            LogicalPlan::Union(node) => {
                let mut kinds = node.inputs.iter().map(|input| self.of(input, at));
                let first = kinds.next()?;
                kinds.all(|other| other == first).then_some(first)
            }
            LogicalPlan::Join(node) => self.of_join(node, at),
            LogicalPlan::Aggregate(node) => {
                let keys = node.schema.fields().len().checked_sub(node.aggr_expr.len())?;
                let expr = match at.checked_sub(keys) {
                    Some(call) => node.aggr_expr.get(call)?,
                    None if keys == node.group_expr.len() => node.group_expr.get(at)?,
                    None => return None,
                };
                self.of_expr(expr, &node.input)
            }
            LogicalPlan::Window(node) => match at.checked_sub(node.input.schema().fields().len()) {
                Some(call) => self.of_expr(node.window_expr.get(call)?, &node.input),
                None => self.declared(&node.input, at),
            },
            LogicalPlan::TableScan(scan) => {
                self.of_table(&scan.table_name, scan.projected_schema.fields().get(at)?.name())
            }
            _ => None,
        }
    }

    fn of_join(&self, join: &Join, at: usize) -> Option<TypeSpec> {
        let left = join.left.schema().fields().len();
        match join.join_type {
            JoinType::RightSemi | JoinType::RightAnti => self.declared(&join.right, at),
            _ if at < left => self.declared(&join.left, at),
            _ => self.declared(&join.right, at - left),
        }
    }

    fn of_column(&self, column: &Column, below: &LogicalPlan) -> Option<TypeSpec> {
        self.declared(below, below.schema().maybe_index_of_column(column)?)
    }

    fn of_expr(&self, expr: &Expr, below: &LogicalPlan) -> Option<TypeSpec> {
        match expr {
            Expr::Alias(alias) => self.of_expr(&alias.expr, below),
            Expr::Column(column) => self.of_column(column, below),
            Expr::AggregateFunction(call) => self.of_aggregate(call, below),
            Expr::ScalarFunction(call) => self.of_scalar(expr, call, below),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus | Operator::Minus, .. }) => {
                // A time and an interval.
                self.of_expr(left, below).filter(|spec| spec.ty.is_timestamp())
            }
            Expr::Negative(inner) => {
                let ty = inner.get_type(below.schema()).ok()?;
                ty.is_integer().then(|| TypeSpec::plain(KwType::Int8))
            }
            Expr::ScalarSubquery(query) => self.declared(&query.subquery, 0),
            _ => None,
        }
    }

    fn of_aggregate(&self, call: &AggregateFunction, below: &LogicalPlan) -> Option<TypeSpec> {
        let keeps = match Agg::of(call) {
            Some(agg) => agg.keeps_type(),
            None => matches!(call.func.name(), "min" | "max" | "first_value" | "last_value"),
        };
        self.of_expr(call.params.args.first().filter(|_| keeps)?, below)
    }

    fn of_scalar(&self, expr: &Expr, call: &ScalarFunction, below: &LogicalPlan) -> Option<TypeSpec> {
        if let Some(target) = cast_target(expr) {
            return Some(target);
        }
        if COUNTING.contains(&call.name()) {
            return Some(TypeSpec::plain(KwType::Int8));
        }
        let value = match Marker::of(expr) {
            Some((Marker::TimeBucket | Marker::Gapfill, [time, _])) => time,
            Some((Marker::Interpolate, [value, _])) => value,
            _ if call.name() == "date_trunc" => call.args.get(1)?,
            _ => return None,
        };
        self.of_expr(value, below).filter(|spec| spec.ty.is_timestamp() || call.name() == "interpolate")
    }

    fn of_table(&self, table: &TableReference, column: &str) -> Option<TypeSpec> {
        let name = TableName {
            tenant: None,
            database: table.schema().map(str::to_owned),
            table: table.table().to_owned(),
        };
        let def = self.engine.table(self.session, &name).ok()?;
        let column = def.column(column)?;
        let spec = TypeSpec::of_column(column);
        // The first column is told with a zone whatever it was declared as.
        let is_plain_time = column.kind == ColumnKind::Time && spec.ty == KwType::Timestamp;
        Some(if is_plain_time { TypeSpec { ty: KwType::TimestampTz, ..spec } } else { spec })
    }
}
