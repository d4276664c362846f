use super::{duration, ident, join, option, table, text};
use crate::ast::{
    Arg, BinaryOp, CountWindow, Expr, ExprKind, Fill, FillMode, Interval, Item, Join, JoinKind, Limit,
    Literal, OrderItem, Query, Range, Select, SetExpr, Source, StateExtend, UnaryOp, Window,
};

pub(crate) fn expr(e: &Expr) -> String {
    let not = |negated: &bool| if *negated { " NOT" } else { "" };
    match &e.kind {
        ExprKind::Literal(value) => literal(value),
        ExprKind::Column { table: Some(table), name } => format!("{}.{}", ident(table), ident(name)),
        ExprKind::Column { table: None, name } => ident(name),
        ExprKind::Star { table } => format!("{}*", option(table.as_ref(), "", |t| ident(t) + ".")),
        ExprKind::Unary { op, expr: inner } => match op {
            UnaryOp::Minus => format!("(- {})", expr(inner)),
            UnaryOp::Plus => format!("(+ {})", expr(inner)),
            UnaryOp::Not => format!("(NOT {})", expr(inner)),
        },
        ExprKind::Binary { op, left, right } => {
            format!("({} {} {})", expr(left), operator(*op), expr(right))
        }
        ExprKind::IsNull { expr: inner, negated } => format!("({} IS{} NULL)", expr(inner), not(negated)),
        ExprKind::Between { expr: inner, negated, low, high } => {
            format!("({}{} BETWEEN {} AND {})", expr(inner), not(negated), expr(low), expr(high))
        }
        ExprKind::InList { expr: inner, negated, list } => {
            format!("({}{} IN ({}))", expr(inner), not(negated), join(list, expr))
        }
        ExprKind::Case { operand, branches, otherwise } => {
            let operand = operand.as_ref().map_or_else(String::new, |e| format!(" {}", expr(e)));
            let branches: String =
                branches.iter().map(|(a, b)| format!(" WHEN {} THEN {}", expr(a), expr(b))).collect();
            let otherwise = otherwise.as_ref().map_or_else(String::new, |e| format!(" ELSE {}", expr(e)));
            format!("CASE{operand}{branches}{otherwise} END")
        }
        ExprKind::Cast { expr: inner, to } => {
            format!("CAST({} AS {})", expr(inner), super::statement::type_name(to))
        }
        ExprKind::Call(call) => format!("{}({})", ident(&call.name), join(&call.args, arg)),
    }
}

fn arg(arg: &Arg) -> String {
    expr(&arg.expr) + &option(arg.alias.as_ref(), " AS ", ident)
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Null => "NULL".into(),
        Literal::Bool(true) => "TRUE".into(),
        Literal::Bool(false) => "FALSE".into(),
        Literal::Int(v) => v.to_string(),
        Literal::UInt(v) => v.to_string(),
        Literal::Float(v) => format!("{v:e}"),
        Literal::Text(v) => text(v),
        Literal::Timestamp(v) => format!("TIMESTAMP {}", text(v)),
        Literal::Duration(v) => duration(v),
        Literal::Now => "NOW".into(),
        Literal::Today => "TODAY".into(),
    }
}

const fn operator(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::Eq => "=",
        BinaryOp::NotEq => "<>",
        BinaryOp::Lt => "<",
        BinaryOp::LtEq => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::GtEq => ">=",
        BinaryOp::Like => "LIKE",
        BinaryOp::NotLike => "NOT LIKE",
        BinaryOp::Match => "MATCH",
        BinaryOp::NotMatch => "NMATCH",
        BinaryOp::And => "AND",
        BinaryOp::Or => "OR",
        BinaryOp::Arrow => "->",
        BinaryOp::Contains => "CONTAINS",
    }
}

pub(crate) fn query(q: &Query) -> String {
    let order = if q.order_by.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", join(&q.order_by, order_item))
    };
    format!(
        "{}{order}{}{}",
        set(&q.body),
        option(q.slimit.as_ref(), " SLIMIT ", |l| limit(l, "SOFFSET")),
        option(q.limit.as_ref(), " LIMIT ", |l| limit(l, "OFFSET"))
    )
}

fn limit(l: &Limit, word: &str) -> String {
    format!("{} {word} {}", l.count, l.offset)
}

fn order_item(item: &OrderItem) -> String {
    let direction = if item.descending { " DESC" } else { "" };
    let nulls = match item.nulls_first {
        Some(true) => " NULLS FIRST",
        Some(false) => " NULLS LAST",
        None => "",
    };
    format!("{}{direction}{nulls}", expr(&item.expr))
}

fn set(body: &SetExpr) -> String {
    match body {
        SetExpr::Select(s) => select(s),
        SetExpr::Query(q) => format!("({})", query(q)),
        SetExpr::Union { all, left, right } => {
            format!("{} UNION{} {}", set(left), if *all { " ALL" } else { "" }, set(right))
        }
    }
}

fn select(s: &Select) -> String {
    let mut out = String::from("SELECT ");
    out += if s.distinct { "DISTINCT " } else { "" };
    out += if s.tags { "TAGS " } else { "" };
    out += &join(&s.items, |item| match item {
        Item::Star(_) => "*".into(),
        Item::TableStar(t) => ident(t) + ".*",
        Item::Expr { expr: e, alias } => expr(e) + &option(alias.as_ref(), " AS ", ident),
    });
    out += &option(s.from.as_ref(), " FROM ", source);
    out += &option(s.filter.as_ref(), " WHERE ", expr);
    if !s.partition_by.is_empty() {
        out += " PARTITION BY ";
        out += &join(&s.partition_by, |p| expr(&p.expr) + &option(p.alias.as_ref(), " AS ", ident));
    }
    out += &option(s.range.as_ref(), " ", range);
    out += &option(s.every.as_ref(), " ", |d| format!("EVERY({})", duration(d)));
    let windowed = s.window.is_some();
    let fill = option(s.fill.as_ref(), " ", fill);
    out += if windowed { "" } else { &fill };
    out += &option(s.window.as_ref(), " ", window);
    out += if windowed { &fill } else { "" };
    if !s.group_by.is_empty() {
        out += " GROUP BY ";
        out += &join(&s.group_by, expr);
    }
    out + &option(s.having.as_ref(), " HAVING ", expr)
}

fn range(r: &Range) -> String {
    let end = option(r.end.as_ref(), ", ", expr);
    format!("RANGE({}{end}{})", expr(&r.start), option(r.within.as_ref(), ", ", duration))
}

fn fill(f: &Fill) -> String {
    let mode = match f.mode {
        FillMode::None => "NONE",
        FillMode::Null => "NULL",
        FillMode::NullForced => "NULL_F",
        FillMode::Prev => "PREV",
        FillMode::Next => "NEXT",
        FillMode::Linear => "LINEAR",
        FillMode::Near => "NEAR",
        FillMode::Value => "VALUE",
        FillMode::ValueForced => "VALUE_F",
    };
    let values: String = f.values.iter().map(|v| format!(", {}", expr(v))).collect();
    format!("FILL({mode}{values})")
}

fn window(w: &Window) -> String {
    let true_for = |d: &Option<_>| option(d.as_ref(), " ", |d| format!("TRUE_FOR({})", duration(d)));
    match w {
        Window::Interval(Interval { width, offset, auto_offset, sliding }) => {
            let offset = if *auto_offset { ", AUTO".into() } else { option(offset.as_ref(), ", ", duration) };
            let sliding = option(sliding.as_ref(), " ", |d| format!("SLIDING({})", duration(d)));
            format!("INTERVAL({}{offset}){sliding}", duration(width))
        }
        Window::Session { column, gap } => format!("SESSION({}, {})", expr(column), duration(gap)),
        Window::State { expr: e, extend, zeroth, true_for: shortest } => {
            let extend = match (extend, zeroth) {
                (StateExtend::None, None) => "",
                (StateExtend::None, Some(_)) => ", 0",
                (StateExtend::Forward, _) => ", 1",
                (StateExtend::Backward, _) => ", 2",
            };
            let zeroth = zeroth.as_ref().map_or_else(String::new, |z| format!(", {}", expr(z)));
            format!("STATE_WINDOW({}{extend}{zeroth}){}", expr(e), true_for(shortest))
        }
        Window::Event { start, end, true_for: shortest } => {
            let shortest = true_for(shortest);
            format!("EVENT_WINDOW START WITH {} END WITH {}{shortest}", expr(start), expr(end))
        }
        Window::Count(CountWindow { rows, sliding, columns }) => {
            let sliding = option(sliding.as_ref(), ", ", i64::to_string);
            let columns: String = columns.iter().map(|c| format!(", {}", ident(c))).collect();
            format!("COUNT_WINDOW({rows}{sliding}{columns})")
        }
    }
}

fn source(s: &Source) -> String {
    match s {
        Source::Table { name, alias } => table(name) + &option(alias.as_ref(), " AS ", ident),
        Source::Query { query: q, alias } => {
            format!("({}){}", query(q), option(alias.as_ref(), " AS ", ident))
        }
        Source::Join(join) => joined(join),
    }
}

fn joined(j: &Join) -> String {
    let kind = match j.kind {
        JoinKind::Inner => "JOIN",
        JoinKind::Left => "LEFT JOIN",
        JoinKind::Right => "RIGHT JOIN",
        JoinKind::Full => "FULL JOIN",
        JoinKind::LeftSemi => "LEFT SEMI JOIN",
        JoinKind::RightSemi => "RIGHT SEMI JOIN",
        JoinKind::LeftAnti => "LEFT ANTI JOIN",
        JoinKind::RightAnti => "RIGHT ANTI JOIN",
        JoinKind::LeftAsof => "LEFT ASOF JOIN",
        JoinKind::RightAsof => "RIGHT ASOF JOIN",
        JoinKind::LeftWindow => "LEFT WINDOW JOIN",
        JoinKind::RightWindow => "RIGHT WINDOW JOIN",
    };
    let window = option(j.window.as_ref(), " ", |w| {
        format!("WINDOW_OFFSET({}, {})", duration(&w.start), duration(&w.end))
    });
    let limit = option(j.limit.as_ref(), " JLIMIT ", i64::to_string);
    let on = option(j.on.as_ref(), " ON ", expr);
    format!("({} {kind} {}{on}{window}{limit})", source(&j.left), source(&j.right))
}
