//! Which function names are more than scalar functions.

/// Kinds of functions by the rows that they look at and give (sheet section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FunctionKind {
    /// One value for each row. Unknown names count as scalar and are refused when they are called.
    Scalar,
    /// One value for each group.
    Aggregate,
    /// One value for each group, taken from one row, whose other columns may be selected too.
    Selection,
    /// Some rows of each group: `TOP`, `BOTTOM`, `TAIL`, `UNIQUE`, `SAMPLE`.
    Rows,
    /// One text for each bin: `HISTOGRAM`.
    Bins,
    /// One value for each row, computed from the rows before it.
    Series,
    /// `INTERP`.
    Interp,
    /// `COLS`.
    Cols,
}

/// The kind of the function of this (lower-case) name.
pub(super) fn of(name: &str) -> FunctionKind {
    match name {
        "count" | "sum" | "avg" | "stddev" | "stddev_pop" | "var_pop" | "variance" | "stddev_samp"
        | "var_samp" | "spread" | "elapsed" | "twa" | "irate" | "percentile" | "apercentile"
        | "leastsquares" | "hyperloglog" | "mode" => FunctionKind::Aggregate,
        "min" | "max" | "first" | "last" | "last_row" => FunctionKind::Selection,
        "top" | "bottom" | "tail" | "unique" | "sample" => FunctionKind::Rows,
        "histogram" => FunctionKind::Bins,
        "diff" | "derivative" | "csum" | "mavg" | "statecount" | "stateduration" => FunctionKind::Series,
        "interp" => FunctionKind::Interp,
        "cols" => FunctionKind::Cols,
        _ => FunctionKind::Scalar,
    }
}

/// All kinds but scalar functions.
pub(super) const ALL: [FunctionKind; 7] = [
    FunctionKind::Aggregate,
    FunctionKind::Selection,
    FunctionKind::Bins,
    FunctionKind::Cols,
    FunctionKind::Rows,
    FunctionKind::Series,
    FunctionKind::Interp,
];

/// Kinds that make one row of a group.
pub(super) const GROUPING: [FunctionKind; 4] =
    [FunctionKind::Aggregate, FunctionKind::Selection, FunctionKind::Bins, FunctionKind::Cols];
