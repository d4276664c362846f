//! Rows in groups: aggregates and selections over all rows, over groups, and over windows.

use arrow::datatypes::DataType;
use datafusion::common::{Column, UnnestOptions};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_window::expr_fn::{lag, lead};
use datafusion::logical_expr::ExprFunctionExt;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, SortExpr, cast, lit};
use triglot_functions::selection;
use triglot_parse_tdengine::ast::{BinaryOp, Call, Expr, ExprKind, StateExtend};

use super::calls::{self, Collect, Selection};
use super::expr::{self, Place, Resolver, Rows};
use super::kinds::{self, FunctionKind};
use super::plain::{Key, key_by_alias};
use super::scope::{QUERY_COLUMNS, Scope, WINDOW_COLUMNS};
use super::stage::Stage;
use super::window::{IS_FILLED, WindowEnd, WindowKey};
use super::{children, errors, histogram, more_calls};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType, functions};

/// What makes groups.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    /// Keys of PARTITION BY or GROUP BY.
    pub(super) keys: Vec<Key>,
    /// Whether they are GROUP BY's.
    pub(super) is_group_by: bool,
    /// The window that splits each group.
    pub(super) window: Option<WindowKey>,
    /// Whether FILL makes windows up.
    pub(super) is_filled: bool,
    /// How many of the keys make slices; those behind them follow from others.
    pub(super) slices: usize,
}

/// Aggregates over groups of rows.
pub(super) struct Grouped<'s> {
    scope: &'s Scope,
    grouping: Grouping,
    /// The aggregates so far, which will be columns of these names.
    aggregates: Vec<(PlanExpr, String)>,
    /// The column with a list of bins, each of which becomes a row.
    bins: Option<Column>,
    /// Columns of neighbouring windows: of which value, whether of the one after, and their names.
    beside: Vec<(PlanExpr, bool, String)>,
    /// The one selection function of the select list, whose row other columns are taken from.
    selection: Option<Selection>,
    /// Whether some function gives a value for no rows at all.
    counts: bool,
    /// The children whose groups are told even if they have no rows.
    children: Option<LogicalPlan>,
    /// What is known to be NULL if no row had a value, while only such functions are called.
    first_and_last: Option<Vec<PlanExpr>>,
}

impl<'s> Grouped<'s> {
    /// Over the rows of `scope`.
    pub(super) fn new(scope: &'s Scope, grouping: Grouping) -> Self {
        Self {
            scope,
            grouping,
            aggregates: Vec::new(),
            bins: None,
            beside: Vec::new(),
            selection: None,
            counts: false,
            children: None,
            first_and_last: Some(Vec::new()),
        }
    }

    /// Names the call of the select list from whose row other columns are taken, if there is exactly one.
    ///
    /// # Errors
    /// Those of its argument.
    pub(super) fn with_selection(
        mut self,
        call: Option<&Call>,
        env: &FunctionEnv,
    ) -> Result<Self, TaosError> {
        if let Some(call) = call
            && let [argument] = call.args.as_slice()
        {
            let argument = self.argument(&argument.expr, env)?;
            self.selection = Some(Selection::new(&call.name.name, argument, self.scope.order())?);
        }
        Ok(self)
    }

    /// Gives the children of FROM, so that counts tell of those without rows.
    #[must_use]
    pub(super) fn with_children(self, children: Option<LogicalPlan>) -> Self {
        Self { children, ..self }
    }

    /// An expression over the rows of FROM.
    fn argument(&self, expr: &Expr, env: &FunctionEnv) -> Result<Typed, TaosError> {
        if let Some(key) = key_by_alias(&self.grouping.keys, expr) {
            return Ok(key.value.clone());
        }
        if let ExprKind::Column { table: None, name } = &expr.kind
            && WINDOW_COLUMNS.contains(&name.name.as_str())
            && self.grouping.window.is_some()
        {
            return Err(errors::window_column());
        }
        expr::lower(expr, env, &mut Rows::new(self.scope, Place::Argument))
    }

    fn call(&mut self, call: &Call, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let name = call.name.name.as_str();
        match kinds::of(name) {
            FunctionKind::Selection => {
                let [argument] = call.args.as_slice() else { return Err(errors::arity(name)) };
                let argument = self.argument(&argument.expr, env)?;
                self.selection(name, &argument, env)
            }
            FunctionKind::Aggregate => self.aggregate(call, env),
            FunctionKind::Bins => self.histogram(call, env),
            FunctionKind::Cols => Err(errors::mixed(name)),
            FunctionKind::Rows | FunctionKind::Interp => Err(errors::mixed(name)),
            FunctionKind::Series if self.grouping.window.is_some() => Err(errors::not_in_window(name)),
            FunctionKind::Series if self.grouping.is_group_by => Err(errors::not_in_group(name)),
            FunctionKind::Series => Err(errors::mixed(name)),
            FunctionKind::Scalar => Err(errors::no_function(name)),
        }
    }

    fn histogram(&mut self, call: &Call, env: &FunctionEnv) -> Result<Typed, TaosError> {
        self.first_and_last = None;
        let arguments = call.args.iter().map(|a| self.argument(&a.expr, env));
        let (aggregate, normalized) = histogram::aggregate(&arguments.collect::<Result<Vec<_>, _>>()?)?;
        let list = self.collect(aggregate);
        if let PlanExpr::Column(column) = &list {
            if self.bins.as_ref().is_some_and(|b| b != column) {
                return Err(errors::mixed("histogram"));
            }
            self.bins = Some(column.clone());
        }
        Ok(histogram::text(list, normalized))
    }

    fn aggregate(&mut self, call: &Call, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let name = call.name.name.as_str();
        self.first_and_last = None;
        self.counts |= matches!(name, "count" | "hyperloglog");
        if name == "count"
            && let [only] = call.args.as_slice()
            && matches!(only.expr.kind, ExprKind::Star { .. })
        {
            return Ok(calls::count_rows(self));
        }
        let arguments = call.args.iter().map(|a| self.argument(&a.expr, env));
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        if let [only] = arguments.as_slice()
            && let Some(value) = calls::of_one(name, only, self)?
        {
            return Ok(value);
        }
        let over = more_calls::Over {
            time: self.scope.time().cloned(),
            is_super: self.scope.is_super(),
            precision: env.precision,
            window: self.grouping.window.clone(),
        };
        more_calls::of_many(name, &arguments, &over, self)
    }

    /// A value that is the same for all rows of a group: one of the keys, or computed from keys.
    fn key(&mut self, expr: &Expr, env: &FunctionEnv) -> Option<Typed> {
        if let Some(key) = key_by_alias(&self.grouping.keys, expr) {
            let value = key.value.clone();
            return self.output(&value);
        }
        let value = expr::lower(expr, env, &mut Rows::new(self.scope, Place::Clause)).ok()?;
        self.output(&value)
    }

    /// The output column of a key.
    fn output(&mut self, value: &Typed) -> Option<Typed> {
        let at = self.grouping.keys.iter().position(|k| k.value.expr == value.expr)?;
        Some(Typed { expr: key_column(at, &value.expr), ..value.clone() })
    }

    /// A column that is no key: of the selected row, of the child whose rows the group holds, or of the row whose
    /// matches it holds.
    fn other_column(&mut self, value: &Typed) -> Result<Typed, TaosError> {
        let by_child = self.grouping.keys.iter().any(|k| self.scope.is_child_name(&k.value));
        if self.scope.row_of_window_join || (by_child && self.scope.is_of_child(value)) {
            self.grouping.keys.push(Key { value: value.clone(), alias: None });
            return self.output(value).ok_or_else(errors::not_group_by);
        }
        match self.selection.clone() {
            Some(selection) => Ok(selection.companion(value, self)),
            None if self.grouping.is_group_by => Err(errors::not_group_by()),
            None => Err(errors::not_single_group()),
        }
    }

    /// Whether the window has been made up by FILL.
    fn is_filled(&self) -> Result<Typed, TaosError> {
        if !self.grouping.is_filled {
            return Err(errors::no_column("_isfilled"));
        }
        let column = PlanExpr::Column(Column::new_unqualified(IS_FILLED));
        Ok(Typed::fixed(column, TaosType::Bool))
    }

    fn window_column(&mut self, name: &str, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let (Some(window), Some(time)) = (self.grouping.window.clone(), self.scope.time().cloned()) else {
            return Err(errors::window_column());
        };
        let mut edge = |is_start: bool| -> PlanExpr {
            match (&window.end_of_start, is_start) {
                (Some(_), true) => window.column(),
                (Some(end), false) => end.of(window.column()),
                (None, _) => self.edge_of_rows(&window, &time, is_start, env),
            }
        };
        Ok(match name {
            "_wstart" => Typed::fixed(edge(true), TaosType::Timestamp),
            "_wend" => Typed::fixed(edge(false), TaosType::Timestamp),
            _ => {
                let (end, start) = (edge(false), edge(true));
                let count = |time: PlanExpr| cast(time, DataType::Int64);
                Typed::fixed(count(end) - count(start), TaosType::BigInt)
            }
        })
    }

    /// Where a window begins or ends that has the ends of its rows, or reaches to its neighbours.
    fn edge_of_rows(
        &mut self,
        window: &WindowKey,
        time: &Typed,
        is_start: bool,
        env: &FunctionEnv,
    ) -> PlanExpr {
        let mut end_of_rows = |is_start: bool| {
            let function = if is_start { min_udaf() } else { max_udaf() };
            self.collect(calls::simple(function, vec![time.expr.clone()]))
        };
        let own = end_of_rows(is_start);
        let extend = window.state.as_ref().map_or(StateExtend::None, |s| s.extend);
        let (neighbour, step) = match (extend, is_start) {
            (StateExtend::Forward, false) => (end_of_rows(true), -1),
            (StateExtend::Backward, true) => (end_of_rows(false), 1),
            _ => return own,
        };
        let neighbour = self.beside(neighbour, !is_start);
        let ty = DataType::Timestamp(env.precision.arrow(), None);
        coalesce(vec![WindowEnd::After(step, ty).of(neighbour), own])
    }

    /// Which windows are left in: those of `TRUE_FOR`, and those of another state than the zeroth.
    fn kept_windows(&mut self, env: &FunctionEnv) -> Result<Option<PlanExpr>, TaosError> {
        let Some(window) = self.grouping.window.clone() else { return Ok(None) };
        let mut kept = None;
        if let Some(shortest) = window.shortest {
            kept = Some(self.window_column("_wduration", env)?.expr.gt_eq(lit(shortest)));
        }
        if let Some((state, zeroth)) = window.state.and_then(|s| s.without) {
            let of_window = self.collect(selection::first_known(state.expr.clone(), &self.scope.order()));
            let of_window = Typed { expr: of_window, ..state };
            let differs = functions::binary(BinaryOp::NotEq, of_window, zeroth, env)?.expr;
            kept = Some(kept.map_or(differs.clone(), |k: PlanExpr| k.and(differs)));
        }
        Ok(kept)
    }

    /// The condition that the result of an ungrouped query is a row: COUNT gives one always, other functions if
    /// there are rows, `FIRST` and `LAST` if one of them has found a value.
    fn has_result(&mut self) -> Option<PlanExpr> {
        if self.counts || !self.grouping.keys.is_empty() || self.grouping.window.is_some() {
            return None;
        }
        if let Some(values) = self.first_and_last.clone().filter(|v| !v.is_empty()) {
            return disjunction(values.into_iter().map(PlanExpr::is_not_null));
        }
        // The time of a row is never NULL, and the newest row has it: the rule for newest rows still applies.
        let witness = match self.scope.time() {
            Some(time) => calls::simple(max_udaf(), vec![time.expr.clone()]),
            None => {
                let rows = calls::count_rows(self);
                return Some(rows.expr.gt(lit(0_i64)));
            }
        };
        Some(self.collect(witness).is_not_null())
    }
}

impl Grouped<'_> {
    /// What the columns of neighbouring windows are computed by.
    fn neighbours(&self) -> datafusion::error::Result<Vec<PlanExpr>> {
        let Some(window) = &self.grouping.window else { return Ok(Vec::new()) };
        let slices: Vec<PlanExpr> = self.slice_keys().into_iter().map(|k| k.expr).collect();
        let neighbours = self.beside.iter().map(|(value, after, name)| {
            let value = value.clone();
            // The offset must be said: that of a NULL, which stands for none, is 0.
            let value = if *after { lead(value, Some(1), None) } else { lag(value, Some(1), None) };
            let value = value
                .partition_by(slices.clone())
                .order_by(vec![window.column().sort(true, true)])
                .null_treatment(NullTreatment::IgnoreNulls)
                .build()?;
            Ok(value.alias(name))
        });
        neighbours.collect()
    }

    /// `plan` with a group for each child, if groups are made of children.
    fn with_empty_groups(&self, plan: LogicalPlan, children: LogicalPlan) -> Result<LogicalPlan, TaosError> {
        let keys: Vec<PlanExpr> = self.grouping.keys.iter().map(|k| k.value.expr.clone()).collect();
        if keys.is_empty() || !keys.iter().all(|k| children::is_of_child(k, self.scope)) {
            return Ok(plan);
        }
        let outputs: Vec<PlanExpr> = keys.iter().enumerate().map(|(at, k)| key_column(at, k)).collect();
        let values: Vec<(PlanExpr, bool)> = self
            .aggregates
            .iter()
            .map(|(aggregate, name)| {
                let counts = matches!(aggregate, PlanExpr::AggregateFunction(f)
                    if matches!(f.func.name(), "count" | "hyperloglog"));
                (PlanExpr::Column(Column::new_unqualified(name)), counts)
            })
            .collect();
        children::with_empty_groups(plan, children, &keys, &outputs, &values)
    }
}

/// The name of a key's column behind the aggregate; columns keep theirs.
fn key_column(at: usize, key: &PlanExpr) -> PlanExpr {
    match key {
        PlanExpr::Column(_) => key.clone(),
        _ => PlanExpr::Column(Column::new_unqualified(key_name(at))),
    }
}

fn key_name(at: usize) -> String {
    format!("__key{at}")
}

impl Collect for Grouped<'_> {
    fn collect(&mut self, aggregate: PlanExpr) -> PlanExpr {
        let known = self.aggregates.iter().find(|(a, _)| *a == aggregate).map(|(_, name)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("__agg{}", self.aggregates.len());
            self.aggregates.push((aggregate, name.clone()));
            name
        });
        PlanExpr::Column(Column::new_unqualified(name))
    }

    fn beside(&mut self, value: PlanExpr, after: bool) -> PlanExpr {
        let known =
            self.beside.iter().find(|(v, a, _)| *v == value && *a == after).map(|(_, _, name)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("__beside{}", self.beside.len());
            self.beside.push((value, after, name.clone()));
            name
        });
        PlanExpr::Column(Column::new_unqualified(name))
    }
}

impl Resolver for Grouped<'_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        match &expr.kind {
            ExprKind::Literal(_) => return Ok(None),
            ExprKind::Column { table: None, name } if name.name == "_isfilled" => {
                return self.is_filled().map(Some);
            }
            ExprKind::Column { table: None, name } if WINDOW_COLUMNS.contains(&name.name.as_str()) => {
                return self.window_column(&name.name, env).map(Some);
            }
            ExprKind::Column { table: None, name } if QUERY_COLUMNS.contains(&name.name.as_str()) => {
                return self.scope.column(None, name).map(Some);
            }
            ExprKind::Call(call) if kinds::of(&call.name.name) != FunctionKind::Scalar => {
                return self.call(call, env).map(Some);
            }
            _ => {}
        }
        if let Some(key) = self.key(expr, env) {
            return Ok(Some(key));
        }
        let ExprKind::Column { table, name } = &expr.kind else { return Ok(None) };
        let value = self.scope.column(table.as_ref(), name)?;
        self.other_column(&value).map(Some)
    }
}

impl Stage for Grouped<'_> {
    fn column(&mut self, column: &Typed, _env: &FunctionEnv) -> Result<Typed, TaosError> {
        match self.output(column) {
            Some(key) => Ok(key),
            None => self.other_column(column),
        }
    }

    fn selection(
        &mut self,
        function: &str,
        argument: &Typed,
        _env: &FunctionEnv,
    ) -> Result<Typed, TaosError> {
        let selection = Selection::new(function, argument.clone(), self.scope.order())?;
        let value = selection.value(self);
        match (&mut self.first_and_last, selection.skips_nulls()) {
            (Some(values), true) => values.push(value.expr.clone()),
            (all, _) => *all = None,
        }
        Ok(value)
    }

    fn in_row_of(&mut self, selection: &Call, value: &Expr, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let [argument] = selection.args.as_slice() else { return Err(errors::arity(&selection.name.name)) };
        let argument = self.argument(&argument.expr, env)?;
        let selection = Selection::new(&selection.name.name, argument, self.scope.order())?;
        self.first_and_last = None;
        let before = self.selection.replace(selection);
        let value = expr::lower(value, env, self);
        self.selection = before;
        value
    }

    fn finish(&mut self, rows: LogicalPlan, env: &FunctionEnv) -> Result<LogicalPlan, TaosError> {
        let condition = match self.kept_windows(env)? {
            Some(condition) => Some(condition),
            None => self.has_result(),
        };
        let mut keys: Vec<PlanExpr> = Vec::with_capacity(self.grouping.keys.len() + 1);
        for (at, key) in self.grouping.keys.iter().enumerate() {
            keys.push(match &key.value.expr {
                column @ PlanExpr::Column(_) => column.clone(),
                other => other.clone().alias(key_name(at)),
            });
        }
        if let Some(window) = &self.grouping.window {
            keys.push(window.key());
        }
        let aggregates = self.aggregates.iter().map(|(a, name)| a.clone().alias(name));
        let plan = LogicalPlanBuilder::from(rows).aggregate(keys, aggregates.collect::<Vec<_>>());
        let plan = plan.and_then(|p| match self.neighbours()? {
            none if none.is_empty() => Ok(p),
            neighbours => p.window(neighbours),
        });
        let plan = match condition {
            Some(condition) => plan.and_then(|p| p.filter(condition)),
            None => plan,
        };
        let plan = plan.and_then(|p| match self.bins.clone() {
            Some(bins) => p.unnest_column_with_options(bins, UnnestOptions::new().with_preserve_nulls(false)),
            None => Ok(p),
        });
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
        match self.children.take().filter(|_| self.counts && self.grouping.window.is_none()) {
            Some(children) => self.with_empty_groups(plan, children),
            None => Ok(plan),
        }
    }

    fn slice_keys(&self) -> Vec<Typed> {
        let keys = self.grouping.keys.iter().enumerate().take(self.grouping.slices);
        keys.map(|(at, k)| Typed { expr: key_column(at, &k.value.expr), ..k.value.clone() }).collect()
    }

    /// Windows by time, slice after slice.
    fn default_order(&self) -> Vec<SortExpr> {
        let Some(window) = &self.grouping.window else { return Vec::new() };
        let keys = self.slice_keys().into_iter().map(|k| k.expr);
        keys.chain([window.column()]).map(|k| k.sort(true, true)).collect()
    }
}
