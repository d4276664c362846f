//! The errors that SELECT raises (sheet section 14), by name.

use datafusion::error::DataFusionError;
use triglot_engine::EngineError;

use crate::TaosError;

/// 0x2600: what the grammar allows and the vendor's parser does not.
pub(super) fn syntax(near: &str) -> TaosError {
    TaosError::new(0x2600, format!("syntax error near \"{near}\""))
}

/// 0x2602.
pub(super) fn no_column(name: &str) -> TaosError {
    TaosError::new(0x2602, format!("Invalid column name: {name}"))
}

/// 0x2603.
pub(super) fn no_table(name: &str) -> TaosError {
    TaosError::new(0x2603, format!("Table does not exist: {name}"))
}

/// 0x2604.
pub(super) fn ambiguous(name: &str) -> TaosError {
    TaosError::new(0x2604, format!("Column ambiguously defined: {name}"))
}

/// 0x2605.
pub(super) fn fill_count() -> TaosError {
    TaosError::new(0x2605, "Filled values number mismatch")
}

/// 0x2608.
pub(super) fn aggregate_here() -> TaosError {
    TaosError::new(0x2608, "There mustn't be aggregation")
}

/// 0x2609.
pub(super) fn order_position() -> TaosError {
    TaosError::new(0x2609, "ORDER BY item must be the number of a SELECT-list expression")
}

/// 0x260A.
pub(super) fn not_group_by() -> TaosError {
    TaosError::new(0x260A, "Not a GROUP BY expression")
}

/// 0x260B.
pub(super) fn not_selected() -> TaosError {
    TaosError::new(0x260B, "Not SELECTed expression")
}

/// 0x260C.
pub(super) fn not_single_group() -> TaosError {
    TaosError::new(0x260C, "Not a single-group group function")
}

/// 0x2615.
pub(super) fn interval_too_small() -> TaosError {
    TaosError::new(0x2615, "This interval value is too small")
}

/// 0x2616.
pub(super) fn no_database() -> TaosError {
    TaosError::new(0x2616, "Database not specified")
}

/// 0x2624.
pub(super) fn group_and_window() -> TaosError {
    TaosError::new(0x2624, "GROUP BY and WINDOW-clause can't be used together")
}

/// 0x2627.
pub(super) fn nested_aggregate() -> TaosError {
    TaosError::new(0x2627, "Aggregate functions do not support nesting")
}

/// 0x2634.
pub(super) fn union_columns() -> TaosError {
    TaosError::new(0x2634, "Query block has incorrect number of result columns")
}

/// 0x2637.
pub(super) fn negative_offset() -> TaosError {
    TaosError::new(0x2637, "soffset/offset can not be less than 0")
}

/// 0x2638.
pub(super) fn slimit_without_slices() -> TaosError {
    TaosError::new(0x2638, "slimit/soffset only available for PARTITION/GROUP BY query")
}

/// 0x263B.
pub(super) fn range_required() -> TaosError {
    TaosError::new(0x263B, "Start(end) time of query range required or time range too large")
}

/// 0x2640.
pub(super) fn too_many_columns() -> TaosError {
    TaosError::new(0x2640, "Too many columns")
}

/// 0x2646.
pub(super) fn row_time() -> TaosError {
    TaosError::new(0x2646, "Invalid _c0 or _rowts expression")
}

/// 0x2647.
pub(super) fn no_timeline(function: &str) -> TaosError {
    TaosError::new(0x2647, format!("Invalid timeline function: {function}"))
}

/// 0x264C.
pub(super) fn child_name() -> TaosError {
    TaosError::new(0x264C, "Invalid tbname pseudo column")
}

/// 0x264F.
pub(super) fn mixed(function: &str) -> TaosError {
    TaosError::new(
        0x264F,
        format!(
            "{function} is only allowed in SELECT list and cannot be mixed with non scalar functions or columns"
        ),
    )
}

/// 0x2650.
pub(super) fn window_without_time() -> TaosError {
    TaosError::new(
        0x2650,
        "Window query not supported, since no valid timestamp column included in the result of subquery",
    )
}

/// 0x2657.
pub(super) fn not_in_fill(function: &str) -> TaosError {
    TaosError::new(0x2657, format!("{function} function is not supported in fill query"))
}

/// 0x2658.
pub(super) fn window_column() -> TaosError {
    TaosError::new(0x2658, "_WSTART, _WEND and _WDURATION can only be used in window query")
}

/// 0x2659.
pub(super) fn not_in_window(function: &str) -> TaosError {
    TaosError::new(0x2659, format!("{function} function is not supported in time window query"))
}

/// 0x265B.
pub(super) fn not_in_group(function: &str) -> TaosError {
    TaosError::new(0x265B, format!("{function} function is not supported in group query"))
}

/// 0x265D.
pub(super) fn range_clause() -> TaosError {
    TaosError::new(0x265D, "Invalid usage of RANGE clause, EVERY clause or FILL clause")
}

/// 0x265E.
pub(super) fn no_function_in_window() -> TaosError {
    TaosError::new(0x265E, "No valid function in window query")
}

/// 0x265F.
pub(super) fn single_table(function: &str) -> TaosError {
    TaosError::new(0x265F, format!("{function} is only supported in single table query"))
}

/// 0x2663.
pub(super) fn alias_taken(name: &str) -> TaosError {
    TaosError::new(0x2663, format!("Not unique table/alias: {name}"))
}

/// 0x2664.
pub(super) fn join_without_time() -> TaosError {
    TaosError::new(0x2664, "Join requires valid time series input")
}

/// 0x2664.
pub(super) fn chained_join() -> TaosError {
    TaosError::new(
        0x2664,
        "Join requires valid time series input: only inner joins can be joined on without a subquery",
    )
}

/// 0x2665.
pub(super) fn tags_modifier() -> TaosError {
    TaosError::new(0x2665, "The _TAGS pseudo column can only be used for child table and super table queries")
}

/// 0x2667.
pub(super) fn expression(what: &str) -> TaosError {
    TaosError::new(0x2667, format!("Invalid usage of expr: {what}"))
}

/// 0x2689.
pub(super) fn cols() -> TaosError {
    TaosError::new(0x2689, "Invalid using cols function")
}

/// 0x268A.
pub(super) fn cols_of_no_row() -> TaosError {
    TaosError::new(0x268A, "Cols function's first param must be a select function that output a single row")
}

/// 0x268B.
pub(super) fn cols_alias() -> TaosError {
    TaosError::new(0x268B, "Invalid using alias for cols function")
}

/// 0x2701.
pub(super) fn join_time_equality() -> TaosError {
    TaosError::new(0x2701, "Expect ts equal")
}

/// 0x2702.
pub(super) fn cross_join() -> TaosError {
    TaosError::new(0x2702, "Cross join not support")
}

/// 0x2800.
pub(super) fn algorithm() -> TaosError {
    TaosError::new(0x2800, "Third parameter algorithm of apercentile must be 'default' or 't-digest'")
}

/// 0x2801.
pub(super) fn arity(function: &str) -> TaosError {
    TaosError::new(0x2801, format!("Invalid number of parameters : {function}"))
}

/// 0x2802.
pub(super) fn argument_type(function: &str) -> TaosError {
    TaosError::new(0x2802, format!("Invalid parameter data type : {function}"))
}

/// 0x2803.
pub(super) fn argument_value(function: &str) -> TaosError {
    TaosError::new(0x2803, format!("Invalid parameter value : {function}"))
}

/// 0x011B.
pub(super) fn json_format() -> TaosError {
    TaosError::new(0x011B, "Invalid json format")
}

/// 0x2804.
pub(super) fn no_function(name: &str) -> TaosError {
    TaosError::new(0x2804, format!("Not buildin function : {name}"))
}

/// 0x2700: a plan that DataFusion refuses although the statement was found good.
pub(super) fn planner(error: DataFusionError) -> TaosError {
    TaosError::new(0x2700, format!("Planner internal error: {}", error.strip_backtrace()))
}

/// What looking up a table gave instead of it.
pub(super) fn lookup(error: EngineError, table: &str) -> TaosError {
    match &error {
        EngineError::DatabaseNotFound { .. } => TaosError::new(0x0388, "Database not exist"),
        EngineError::TableNotFound { .. } => no_table(table),
        EngineError::Denied(_) => TaosError::new(0x2644, "Permission denied or target object not exist"),
        _ => TaosError::new(0x2700, error.to_string()),
    }
}
