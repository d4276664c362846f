//! One expression as text, by the rules in [`super`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, Alias, Between, BinaryExpr, Case, Exists, GroupingSet, InList, InSubquery, Like,
    ScalarFunction, Sort, WindowFunction,
};
use datafusion::logical_expr::{Expr, Operator, WindowFunctionDefinition};

use crate::functions::packs;

/// The alias that DataFusion 55 gives to `count(*)`.
const COUNT_STAR: &str = "count(*)";
/// The name of what it aliases.
const COUNT_ONE: &str = "count(Int64(1))";
/// What CnosDB calls it.
const COUNT_ROWS: &str = "COUNT(UInt8(1))";

/// DataFusion 27's two text forms of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// The column name.
    Name,
    /// Brackets by precedence, `, ` between arguments, casts shown.
    Display,
}

/// Writes expressions over one input.
pub(super) struct Writer<'a> {
    schema: &'a DFSchema,
    /// The vendor's names of the input's columns, if they differ from the schema's.
    names: Option<&'a [Cow<'a, str>]>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(schema: &'a DFSchema, names: Option<&'a [Cow<'a, str>]>) -> Self {
        Self { schema, names }
    }

    /// The name of an expression.
    pub(super) fn name(&self, expr: &Expr) -> String {
        let mut out = String::new();
        self.write(expr, Style::Name, &mut out);
        out
    }

    /// The bare name of a column.
    pub(super) fn column<'e>(&self, column: &'e Column) -> Cow<'e, str> {
        match self.renamed(column) {
            Some(name) => Cow::Owned(name.to_owned()),
            None => Cow::Borrowed(&column.name),
        }
    }

    /// The name of an aliased expression.
    pub(super) fn alias<'e>(&self, alias: &'e Alias) -> Cow<'e, str> {
        self.planned_alias(alias).map_or(Cow::Borrowed(alias.name.as_str()), Cow::Owned)
    }

    /// DataFusion 55's planner aliases some calls by itself, to keep the text of the query: `count(*)`, which it turns into
    /// `count(Int64(1))`, and functions called by a synonym (`mean(x)`, a call of `avg`). Such an alias differs from the
    /// name of its expression only in the function; then the vendor's name is that of the expression.
    fn planned_alias(&self, alias: &Alias) -> Option<String> {
        if !alias.name.contains('(') {
            return None;
        }
        let inner = match alias.expr.as_ref() {
            Expr::Column(column) => Cow::Borrowed(column.name.as_str()),
            other => Cow::Owned(other.schema_name().to_string()),
        };
        let star = alias.name.split_once("(*)").map(|(_, rest)| rest);
        let one = inner.strip_prefix(COUNT_ONE).or_else(|| inner.strip_prefix(COUNT_STAR));
        if star.is_some() && star == one {
            let name = self.name(&alias.expr);
            return Some(match name.strip_prefix("COUNT(Int64(1))") {
                Some(rest) => format!("{COUNT_ROWS}{rest}"),
                None => name,
            });
        }
        let ((synonym, ours), (function, theirs)) = alias.name.split_once('(').zip(inner.split_once('('))?;
        let is_word = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let is_synonym = synonym != function && is_word(synonym) && is_word(function);
        (ours == theirs && is_synonym).then(|| self.name(&alias.expr))
    }

    fn renamed(&self, column: &Column) -> Option<&str> {
        let at = self.schema.maybe_index_of_column(column)?;
        Some(self.names?.get(at)?.as_ref())
    }

    fn write(&self, expr: &Expr, style: Style, out: &mut String) {
        match expr {
            Expr::Column(column) => self.qualified(column, out),
            Expr::Literal(value, _) => literal(value, out),
            Expr::BinaryExpr(binary) => self.binary(binary, style, out),
            Expr::Alias(alias) => match (self.planned_alias(alias), style) {
                (Some(name), _) => out.push_str(&name),
                (None, Style::Name) => out.push_str(&alias.name),
                (None, Style::Display) => {
                    self.write(&alias.expr, style, out);
                    push(out, format_args!(" AS {}", alias.name));
                }
            },
            Expr::Cast(cast) => self.cast("CAST", &cast.expr, cast.field.data_type(), style, out),
            Expr::TryCast(cast) => self.cast("TRY_CAST", &cast.expr, cast.field.data_type(), style, out),
            Expr::ScalarFunction(function) => self.scalar(function, style, out),
            Expr::AggregateFunction(function) => self.aggregate(function, style, out),
            Expr::WindowFunction(function) => self.window(function, style, out),
            Expr::Case(case) => self.case(case, style, out),
            Expr::Like(like) => {
                self.like(like, if like.case_insensitive { "ILIKE" } else { "LIKE" }, style, out);
            }
            Expr::SimilarTo(like) => self.like(like, "SIMILAR TO", style, out),
            Expr::Between(between) => self.between(between, style, out),
            Expr::InList(list) => self.in_list(list, style, out),
            Expr::GroupingSet(set) => self.grouping_set(set, style, out),
            other => self.small(other, style, out),
        }
    }

    /// Expressions of one operand and those that are a word.
    fn small(&self, expr: &Expr, style: Style, out: &mut String) {
        match expr {
            Expr::Not(inner) => self.around("NOT ", inner, "", style, out),
            Expr::Negative(inner) => self.around("(- ", inner, ")", style, out),
            Expr::IsNull(inner) => self.around("", inner, " IS NULL", style, out),
            Expr::IsNotNull(inner) => self.around("", inner, " IS NOT NULL", style, out),
            Expr::IsTrue(inner) => self.around("", inner, " IS TRUE", style, out),
            Expr::IsNotTrue(inner) => self.around("", inner, " IS NOT TRUE", style, out),
            Expr::IsFalse(inner) => self.around("", inner, " IS FALSE", style, out),
            Expr::IsNotFalse(inner) => self.around("", inner, " IS NOT FALSE", style, out),
            Expr::IsUnknown(inner) => self.around("", inner, " IS UNKNOWN", style, out),
            Expr::IsNotUnknown(inner) => self.around("", inner, " IS NOT UNKNOWN", style, out),
            Expr::Exists(Exists { negated, .. }) => {
                out.push_str(if *negated { "NOT EXISTS" } else { "EXISTS" });
            }
            Expr::InSubquery(InSubquery { negated, .. }) => {
                out.push_str(if *negated { "NOT IN" } else { "IN" });
            }
            Expr::ScalarSubquery(query) => match super::names(&query.subquery) {
                Some(names) => out.push_str(names.first().map_or("", |n| n.as_ref())),
                None => out.push_str(query.subquery.schema().fields().first().map_or("", |f| f.name())),
            },
            Expr::OuterReferenceColumn(_, column) => {
                push(out, format_args!("outer_ref({})", column.flat_name()));
            }
            Expr::ScalarVariable(_, words) => out.push_str(&words.join(".")),
            Expr::Placeholder(placeholder) => out.push_str(&placeholder.id),
            // DataFusion 27 knew none of the rest.
            other => push(out, format_args!("{}", other.schema_name())),
        }
    }

    fn around(&self, before: &str, inner: &Expr, after: &str, style: Style, out: &mut String) {
        out.push_str(before);
        self.write(inner, style, out);
        out.push_str(after);
    }

    fn qualified(&self, column: &Column, out: &mut String) {
        if let Some(relation) = &column.relation {
            push(out, format_args!("{relation}."));
        }
        out.push_str(self.renamed(column).unwrap_or(&column.name));
    }

    /// Chains lean to the left and may be long, so that side is a loop.
    fn binary(&self, binary: &BinaryExpr, style: Style, out: &mut String) {
        let mut chain = vec![binary];
        let mut first = binary.left.as_ref();
        while let (Style::Name, Expr::BinaryExpr(left)) = (style, first) {
            chain.push(left);
            first = &left.left;
        }
        self.operand(first, chain.last().map_or(binary.op, |b| b.op), style, out);
        for link in chain.iter().rev() {
            match link.op {
                Operator::BitwiseXor => out.push_str(" # "),
                op => push(out, format_args!(" {op} ")),
            }
            self.operand(&link.right, link.op, style, out);
        }
    }

    fn operand(&self, operand: &Expr, parent: Operator, style: Style, out: &mut String) {
        if let (Style::Display, Expr::BinaryExpr(child)) = (style, operand) {
            let inner = precedence(child.op);
            if inner == 0 || inner < precedence(parent) {
                return self.around("(", operand, ")", style, out);
            }
        }
        self.write(operand, style, out);
    }

    fn cast(
        &self,
        word: &str,
        inner: &Expr,
        to: &arrow::datatypes::DataType,
        style: Style,
        out: &mut String,
    ) {
        if style == Style::Name {
            return self.write(inner, style, out);
        }
        push(out, format_args!("{word}("));
        self.write(inner, style, out);
        push(out, format_args!(" AS {to:?})"));
    }

    fn list(&self, exprs: &[Expr], separator: &str, style: Style, out: &mut String) {
        for (at, expr) in exprs.iter().enumerate() {
            if at > 0 {
                out.push_str(separator);
            }
            self.write(expr, style, out);
        }
    }

    fn call(&self, name: &str, distinct: bool, args: &[Expr], style: Style, out: &mut String) {
        push(out, format_args!("{name}({}", if distinct { "DISTINCT " } else { "" }));
        self.list(args, if style == Style::Name { "," } else { ", " }, style, out);
        out.push(')');
    }

    fn scalar(&self, function: &ScalarFunction, style: Style, out: &mut String) {
        match (function.name(), function.args.as_slice()) {
            ("get_field" | "array_element", [of, key]) => {
                self.write(of, style, out);
                match key {
                    Expr::Literal(value, _) => push(out, format_args!("[{value}]")),
                    other => self.around("[", other, "]", style, out),
                }
            }
            // The chosen column keeps its bare name (sheet section 5).
            ("topk" | "bottom", [Expr::Column(column), _]) => out.push_str(&self.column(column)),
            // `trim(x)` is planned as its synonym.
            ("btrim", [_]) => self.call("trim", false, &function.args, style, out),
            ("current_date" | "current_time", []) => push(out, format_args!("{}()", function.name())),
            (name, args) => self.call(dialect_name(name).unwrap_or(name), false, args, style, out),
        }
    }

    fn aggregate(&self, function: &AggregateFunction, style: Style, out: &mut String) {
        let params = &function.params;
        self.call(&aggregate_name(function.func.name()), params.distinct, &params.args, style, out);
        if let Some(filter) = &params.filter {
            self.around(" FILTER (WHERE ", filter, ")", Style::Display, out);
        }
        self.order_by(&params.order_by, out);
    }

    fn window(&self, function: &WindowFunction, style: Style, out: &mut String) {
        let params = &function.params;
        match &function.fun {
            WindowFunctionDefinition::AggregateUDF(f) => {
                self.call(&aggregate_name(f.name()), params.distinct, &params.args, style, out);
            }
            WindowFunctionDefinition::WindowUDF(f) => {
                let name = dialect_name(f.name()).map_or_else(|| f.name().to_uppercase(), str::to_owned);
                self.call(&name, params.distinct, &params.args, style, out);
            }
        }
        if !params.partition_by.is_empty() {
            out.push_str(" PARTITION BY [");
            self.list(&params.partition_by, ", ", Style::Display, out);
            out.push(']');
        }
        self.order_by(&params.order_by, out);
        push(out, format_args!(" {}", params.window_frame));
    }

    fn order_by(&self, keys: &[Sort], out: &mut String) {
        for (at, key) in keys.iter().enumerate() {
            out.push_str(if at == 0 { " ORDER BY [" } else { ", " });
            self.write(&key.expr, Style::Display, out);
            out.push_str(if key.asc { " ASC" } else { " DESC" });
            out.push_str(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
        }
        if !keys.is_empty() {
            out.push(']');
        }
    }

    fn case(&self, case: &Case, style: Style, out: &mut String) {
        out.push_str("CASE ");
        if let Some(operand) = &case.expr {
            self.around("", operand, " ", style, out);
        }
        for (when, then) in &case.when_then_expr {
            self.around("WHEN ", when, " ", style, out);
            self.around("THEN ", then, " ", style, out);
        }
        if let Some(otherwise) = &case.else_expr {
            self.around("ELSE ", otherwise, " ", style, out);
        }
        out.push_str("END");
    }

    fn like(&self, like: &Like, word: &str, style: Style, out: &mut String) {
        self.write(&like.expr, Style::Display, out);
        push(out, format_args!(" {}{word} ", if like.negated { "NOT " } else { "" }));
        self.write(&like.pattern, Style::Display, out);
        match (style, like.escape_char) {
            (Style::Name, Some(escape)) => push(out, format_args!(" CHAR '{escape}'")),
            (Style::Name, None) => out.push(' '),
            (Style::Display, Some(escape)) => push(out, format_args!(" ESCAPE '{escape}'")),
            (Style::Display, None) => {}
        }
    }

    fn between(&self, between: &Between, style: Style, out: &mut String) {
        self.write(&between.expr, style, out);
        out.push_str(if between.negated { " NOT BETWEEN " } else { " BETWEEN " });
        self.write(&between.low, style, out);
        self.around(" AND ", &between.high, "", style, out);
    }

    fn in_list(&self, list: &InList, style: Style, out: &mut String) {
        self.write(&list.expr, style, out);
        out.push_str(if list.negated { " NOT IN (" } else { " IN (" });
        if style == Style::Display {
            out.push('[');
            self.list(&list.list, ", ", style, out);
            out.push_str("])");
            return;
        }
        out.push_str("Map { iter: Iter([");
        for (at, item) in list.list.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            debug(item, out);
        }
        out.push_str("]) })");
    }

    fn grouping_set(&self, set: &GroupingSet, style: Style, out: &mut String) {
        let sets = match set {
            GroupingSet::Rollup(exprs) => {
                out.push_str("ROLLUP (");
                self.list(exprs, ", ", style, out);
                return out.push(')');
            }
            GroupingSet::Cube(exprs) => {
                out.push_str("CUBE (");
                self.list(exprs, ", ", style, out);
                return out.push(')');
            }
            GroupingSet::GroupingSets(sets) => sets,
        };
        out.push_str("GROUPING SETS (");
        for (at, exprs) in sets.iter().enumerate() {
            out.push_str(if at > 0 { ", (" } else { "(" });
            self.list(exprs, ", ", style, out);
            out.push(')');
        }
        out.push(')');
    }
}

/// Writing to a string does not fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).unwrap_or_default();
}

fn literal(value: &ScalarValue, out: &mut String) {
    match value {
        ScalarValue::IntervalMonthDayNano(Some(v)) => {
            let bits = u128::from(v.months.cast_unsigned()) << 96
                | u128::from(v.days.cast_unsigned()) << 64
                | u128::from(v.nanoseconds.cast_unsigned());
            push(out, format_args!("IntervalMonthDayNano(\"{}\")", bits.cast_signed()));
        }
        other => push(out, format_args!("{other:?}")),
    }
}

/// Rust's debug text of DataFusion 27's expression; of the parts that have kept their shape.
fn debug(expr: &Expr, out: &mut String) {
    match expr {
        Expr::Literal(value, _) => {
            out.push_str("Literal(");
            literal(value, out);
            out.push(')');
        }
        Expr::Column(Column { relation, name, .. }) => {
            push(out, format_args!("Column(Column {{ relation: {relation:?}, name: {name:?} }})"));
        }
        Expr::Negative(inner) => {
            out.push_str("Negative(");
            debug(inner, out);
            out.push(')');
        }
        Expr::Cast(cast) => {
            out.push_str("Cast(Cast { expr: ");
            debug(&cast.expr, out);
            push(out, format_args!(", data_type: {:?} }})", cast.field.data_type()));
        }
        Expr::BinaryExpr(binary) => {
            out.push_str("BinaryExpr(BinaryExpr { left: ");
            debug(&binary.left, out);
            push(out, format_args!(", op: {:?}, right: ", binary.op));
            debug(&binary.right, out);
            out.push_str(" })");
        }
        other => push(out, format_args!("{other:?}")),
    }
}

/// DataFusion 27's name of an aggregate: capitals and the canonical name for those that it had.
fn aggregate_name(name: &str) -> Cow<'_, str> {
    const SAME: [&str; 19] = [
        "approx_distinct",
        "approx_median",
        "approx_percentile_cont",
        "approx_percentile_cont_with_weight",
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "bool_and",
        "bool_or",
        "count",
        "first_value",
        "grouping",
        "last_value",
        "max",
        "median",
        "min",
        "sum",
    ];
    match name {
        "corr" => "CORRELATION".into(),
        "covar_samp" | "covar" => "COVARIANCE".into(),
        "covar_pop" => "COVARIANCE_POP".into(),
        "stddev" => "STDDEV".into(),
        "stddev_pop" => "STDDEV_POP".into(),
        "var" | "var_samp" => "VARIANCE".into(),
        "var_pop" => "VARIANCE_POP".into(),
        same if SAME.contains(&same) => same.to_uppercase().into(),
        other => dialect_name(other).unwrap_or(other).into(),
    }
}

/// DataFusion 27's precedence of operators in text; 0 means always in brackets.
fn precedence(op: Operator) -> u8 {
    match op {
        Operator::Or => 5,
        Operator::And => 10,
        Operator::Eq | Operator::NotEq | Operator::LtEq | Operator::GtEq => 15,
        Operator::Lt | Operator::Gt => 20,
        Operator::Plus | Operator::Minus => 30,
        Operator::Multiply | Operator::Divide | Operator::Modulo => 40,
        _ => 0,
    }
}

/// CnosDB's name of a function that carries a neutral name of its own.
fn dialect_name(neutral: &str) -> Option<&'static str> {
    static NAMES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
        let mut names = HashMap::new();
        for pack in packs() {
            names.extend(pack.scalars.into_iter().map(|(name, f)| (f.name().to_owned(), name)));
            names.extend(pack.aggregates.into_iter().map(|(name, f)| (f.name().to_owned(), name)));
            names.extend(pack.windows.into_iter().map(|(name, f)| (f.name().to_owned(), name)));
        }
        names
    });
    NAMES.get(neutral).map(String::as_str)
}
