//! `UNION [ALL]`.

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use triglot_parse_tdengine::ast::{Literal, Query, SetExpr, TypeName};

use super::block::{Block, BlockColumn};
use super::{Planner, errors};
use crate::functions;
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// More parts than this are refused.
const MAX_PARTS: usize = 100;

impl Planner<'_> {
    /// A union, or a part of one.
    pub(super) fn union(&self, body: &SetExpr) -> Result<Block, TaosError> {
        // Unions lean to the left, and long ones must not use the stack up.
        let (mut first, mut rest) = (body, Vec::new());
        while let SetExpr::Union { all, left, right } = first {
            rest.push((*all, right.as_ref()));
            first = left;
        }
        if rest.len() >= MAX_PARTS {
            return Err(errors::syntax("union"));
        }
        let mut block = self.part(first)?;
        for (all, part) in rest.into_iter().rev() {
            block = self.unite(block, self.part(part)?, all)?;
        }
        Ok(block)
    }

    fn part(&self, body: &SetExpr) -> Result<Block, TaosError> {
        match body {
            SetExpr::Select(select) => {
                let alone = Query { body: body.clone(), order_by: Vec::new(), slimit: None, limit: None };
                self.select(select, &alone)
            }
            SetExpr::Query(query) => self.query(query),
            SetExpr::Union { .. } => self.union(body),
        }
    }

    fn unite(&self, left: Block, right: Block, all: bool) -> Result<Block, TaosError> {
        if left.columns.len() != right.columns.len() {
            return Err(errors::union_columns());
        }
        let env = self.env(left.precision);
        let pairs = left.columns.iter().zip(&right.columns);
        let types: Vec<(TaosType, u32)> = pairs.map(|(a, b)| common(a, b)).collect();
        let names: Vec<BlockColumn> = left.columns.clone();
        let left_plan = adapted(&left, &types, &names, &env)?;
        let right_plan = adapted(&right, &types, &names, &env)?;
        let both = LogicalPlanBuilder::from(left_plan);
        let both = if all { both.union(right_plan) } else { both.union_distinct(right_plan) };
        let plan = both.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
        let columns = names.into_iter().zip(types).map(|(c, (ty, length))| BlockColumn { ty, length, ..c });
        Ok(Block { plan, columns: columns.collect(), precision: left.precision })
    }
}

/// The block's rows under the names and in the types of the union.
fn adapted(
    block: &Block,
    types: &[(TaosType, u32)],
    names: &[BlockColumn],
    env: &FunctionEnv,
) -> Result<LogicalPlan, TaosError> {
    let columns = block.columns.iter().zip(types).zip(names);
    let exprs = columns.map(|((column, (ty, length)), named)| {
        let value = column.value();
        let value = if value.ty == *ty { value } else { converted(value, *ty, *length, env)? };
        Ok(value.expr.alias(&named.plan_name))
    });
    let exprs: Vec<Expr> = exprs.collect::<Result<_, TaosError>>()?;
    let plan = LogicalPlanBuilder::from(block.plan.clone()).project(exprs);
    plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
}

fn converted(value: Typed, ty: TaosType, length: u32, env: &FunctionEnv) -> Result<Typed, TaosError> {
    match type_name(ty, length) {
        Some(name) => functions::cast(value, &name, env),
        None => Ok(value),
    }
}

/// The type as a cast names it; `None` for types that nothing is cast to.
pub(super) fn type_name(ty: TaosType, length: u32) -> Option<TypeName> {
    let length = Some(i64::from(length));
    Some(match ty {
        TaosType::Bool => TypeName::Bool,
        TaosType::TinyInt => TypeName::TinyInt { unsigned: false },
        TaosType::SmallInt => TypeName::SmallInt { unsigned: false },
        TaosType::Int => TypeName::Int { unsigned: false },
        TaosType::BigInt => TypeName::BigInt { unsigned: false },
        TaosType::UTinyInt => TypeName::TinyInt { unsigned: true },
        TaosType::USmallInt => TypeName::SmallInt { unsigned: true },
        TaosType::UInt => TypeName::Int { unsigned: true },
        TaosType::UBigInt => TypeName::BigInt { unsigned: true },
        TaosType::Float => TypeName::Float,
        TaosType::Double => TypeName::Double,
        TaosType::Decimal { precision, scale } => {
            TypeName::Decimal { precision: i64::from(precision), scale: i64::from(scale) }
        }
        TaosType::Timestamp => TypeName::Timestamp,
        TaosType::Varchar => TypeName::Varchar(length),
        TaosType::Nchar => TypeName::Nchar(length),
        TaosType::Varbinary => TypeName::Varbinary(length),
        TaosType::Geometry | TaosType::Json | TaosType::Blob => return None,
    })
}

/// The type that two columns of a union have together: numbers widen, otherwise it is the first one's.
fn common(a: &BlockColumn, b: &BlockColumn) -> (TaosType, u32) {
    let longest = a.length.max(b.length);
    if a.ty == b.ty {
        return (a.ty, longest);
    }
    match (rank(a.ty), rank(b.ty)) {
        (Some(left), Some(right)) if right > left => (b.ty, b.length),
        (None, None) if a.ty == TaosType::Varchar && b.ty == TaosType::Nchar => (TaosType::Nchar, longest),
        _ => (a.ty, longest),
    }
}

/// How wide a number is.
const fn rank(ty: TaosType) -> Option<u8> {
    Some(match ty {
        TaosType::Bool => 0,
        TaosType::TinyInt => 1,
        TaosType::UTinyInt => 2,
        TaosType::SmallInt => 3,
        TaosType::USmallInt => 4,
        TaosType::Int => 5,
        TaosType::UInt => 6,
        TaosType::BigInt => 7,
        TaosType::UBigInt => 8,
        TaosType::Float => 9,
        TaosType::Double => 10,
        _ => return None,
    })
}

/// Whether the literal is NULL.
pub(super) const fn is_null(literal: &Literal) -> bool {
    matches!(literal, Literal::Null)
}
