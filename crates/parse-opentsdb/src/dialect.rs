//! What differs between the servers that take telnet lines.

/// A server's grammar of telnet lines.
///
/// | | leading `put` | tags joined by commas |
/// |---|---|---|
/// | `OpenTsdb` | required | no |
/// | `CnosDb` | part of the line: a metric named so | yes |
/// | `TdEngine` | taken off once, always | no |
/// | `Kwdb` | taken off, unless a number follows it | no |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenTSDB's own telnet port: commands.
    OpenTsdb,
    /// CnosDB, `POST /api/v1/opentsdb/write`.
    CnosDb,
    /// TDengine's adapter, `POST /opentsdb/v1/put/telnet/{db}`.
    TdEngine,
    /// KWDB, `POST /restapi/opentsdbtelnet`.
    Kwdb,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 4] = [Self::OpenTsdb, Self::CnosDb, Self::TdEngine, Self::Kwdb];

    /// Whether a comma separates tags as blanks do.
    pub(crate) const fn comma_separates(self) -> bool {
        matches!(self, Self::CnosDb)
    }
}
