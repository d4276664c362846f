//! `exact_count(*)` and `exact_count(x)`: here `count` is exact, so they are `count` by another name.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr};
use datafusion::logical_expr::utils::COUNT_STAR_EXPANSION;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature};

const NAME: &str = "exact_count";

/// The function that the SQL planner sees; simplification makes it `count`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExactCount {
    count: Arc<AggregateUDF>,
}

impl ExactCount {
    pub(super) fn udaf() -> Arc<AggregateUDF> {
        Arc::new(Self { count: count_udaf() }.into())
    }
}

impl AggregateUDFImpl for ExactCount {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        self.count.signature()
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        self.count.return_type(args)
    }

    fn is_nullable(&self) -> bool {
        self.count.is_nullable()
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.count.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.count.accumulator(args)
    }

    fn default_value(&self, ty: &DataType) -> Result<ScalarValue> {
        self.count.default_value(ty)
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let count = Arc::clone(&self.count);
        Some(Box::new(move |call: AggregateFunction, _| {
            Ok(Expr::AggregateFunction(AggregateFunction { func: Arc::clone(&count), ..call }))
        }))
    }
}

/// Reads the `*` of `exact_count(*)`.
#[derive(Debug, Default)]
pub(crate) struct ExactCountStar;

impl ExprPlanner for ExactCountStar {
    fn plan_aggregate(&self, call: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        #[expect(deprecated, reason = "the planner still hands over `*` in this form")]
        let is_star = matches!(call.args.as_slice(), [] | [Expr::Wildcard { .. }]);
        if call.func.name() != NAME || !is_star {
            return Ok(PlannerResult::Original(call));
        }
        if call.distinct {
            return exec_err!("{NAME}(DISTINCT *) is not supported");
        }
        let RawAggregateExpr { func, distinct, filter, order_by, null_treatment, .. } = call;
        let one = vec![Expr::Literal(COUNT_STAR_EXPANSION, None)];
        let call = AggregateFunction::new_udf(func, one, distinct, filter, order_by, null_treatment);
        Ok(PlannerResult::Planned(Expr::AggregateFunction(call).alias(format!("{NAME}(*)"))))
    }
}
