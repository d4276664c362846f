//! The faces of the grammar: which server a body was written for.

/// The server whose reading of line protocol is followed.
///
/// All dialects share the shape `table[,tag=value…] field=value[,field=value…] [timestamp]`,
/// `#` comments before a point, blank lines skipped, CR LF line ends. They differ as follows:
///
/// | | `CnosDb` | `Influx` | `TdEngine` | `Kwdb`, `KwdbTelegraf` |
/// |---|---|---|---|---|
/// | what ends a point | any ASCII white space after the fields or the timestamp | newline | newline | newline |
/// | newline inside a string | part of the string | part of the string | ends the line: error | ends the line: error |
/// | backslash in names and tags | only before `, ` `\` `"` `'` (and `=`, except in table names) | escapes `, =` and blank, else literal | as Influx | as Influx |
/// | empty tag value | kept | refused | kept | kept |
/// | floats | start with a digit or a sign | also `.5` | also `.5`, `nan`, `inf` | `.5`, but not `1.` |
/// | `i`, `u` suffixes | yes | yes | also `i8 i16 i32 i64 u8 u16 u32 u64 f32 f64` | yes |
/// | strings | `"…"` | `"…"` | also `L"…"`, `B"…"`, `G"…"` | `"…"`; telegraf: also bare words |
///
/// Which point wins when a key is repeated, how names are folded and in which unit the timestamp
/// is counted are the consumer's decisions; the parser gives every pair in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `/api/v1/write` of CnosDB: sheet `cnosdb.md` section 6. A byte-state machine, not line
    /// based: `m f=1 1 m f=2 2` holds two points.
    CnosDb,
    /// InfluxDB 1.x, as lenient as that server.
    Influx,
    /// `/influxdb/v1/write` of taosAdapter: sheet `tdengine-http.md` section 5.
    TdEngine,
    /// `/restapi/influxdb` of KWDB: sheet `kwdb.md` section 8.1.
    Kwdb,
    /// `/restapi/telegraf` of KWDB: sheet `kwdb.md` section 8.2. As [`Dialect::Kwdb`], but a
    /// field value that is neither number nor boolean is text without quotes.
    KwdbTelegraf,
}

impl Dialect {
    /// Every dialect, for tests and tools.
    pub const ALL: [Dialect; 5] =
        [Dialect::CnosDb, Dialect::Influx, Dialect::TdEngine, Dialect::Kwdb, Dialect::KwdbTelegraf];

    /// Whether a newline ends the point even where the grammar would go on.
    pub(crate) fn line_based(self) -> bool {
        self != Dialect::CnosDb
    }

    /// Whether a string may hold CR and LF.
    pub(crate) fn multi_line_strings(self) -> bool {
        matches!(self, Dialect::CnosDb | Dialect::Influx)
    }

    /// Whether a backslash before an ordinary byte is an error.
    pub(crate) fn strict_escapes(self) -> bool {
        self == Dialect::CnosDb
    }

    /// Whether `tag=` without a value is accepted.
    pub(crate) fn empty_tag_values(self) -> bool {
        self != Dialect::Influx
    }

    /// Whether a float may begin with its dot.
    pub(crate) fn leading_dot(self) -> bool {
        self != Dialect::CnosDb
    }

    /// Whether a float may end with its dot.
    pub(crate) fn trailing_dot(self) -> bool {
        !matches!(self, Dialect::Kwdb | Dialect::KwdbTelegraf)
    }

    /// Whether `1i8`, `1.5f32`, `L"…"`, `nan` and their kin exist.
    pub(crate) fn typed_values(self) -> bool {
        self == Dialect::TdEngine
    }

    /// Whether a field value may be text without quotes.
    pub(crate) fn bare_text(self) -> bool {
        self == Dialect::KwdbTelegraf
    }
}
