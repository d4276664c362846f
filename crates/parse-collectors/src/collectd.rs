//! collectd's binary protocol (`network` plug-in): a datagram is a list of parts that set host, plugin, type and
//! time for the values behind them. Signed and encrypted parts are refused: there is no key here.

use thiserror::Error;

/// What is measured, by whom, and when.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueList<'a> {
    /// Who measured.
    pub host: &'a str,
    /// `cpu`, `interface` …
    pub plugin: &'a str,
    /// `0`, `eth0` …, may be empty.
    pub plugin_instance: &'a str,
    /// `cpu`, `if_octets` …
    pub type_name: &'a str,
    /// `idle` …, may be empty.
    pub type_instance: &'a str,
    /// Nanoseconds since 1970, if a part told it.
    pub time_ns: Option<i64>,
    /// Nanoseconds between two measurements, if a part told it.
    pub interval_ns: Option<i64>,
    /// One for each data source of the type.
    pub values: Vec<Value>,
}

/// A value with the kind of its data source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Counts up and wraps.
    Counter(u64),
    /// As measured.
    Gauge(f64),
    /// Counts in both directions.
    Derive(i64),
    /// Counts up and is reset by reading.
    Absolute(u64),
}

impl Value {
    /// The nearest float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Counter(value) | Self::Absolute(value) => value as f64,
            Self::Gauge(value) => value,
            Self::Derive(value) => value as f64,
        }
    }
}

/// A datagram that cannot be read on from some part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("offset {offset}: {kind}")]
pub struct CollectdError {
    /// Where the part begins.
    pub offset: usize,
    /// What is wrong.
    pub kind: CollectdErrorKind,
}

/// The kinds of [`CollectdError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CollectdErrorKind {
    /// The datagram ends inside a part.
    #[error("the part is cut off")]
    Truncated,
    /// A part whose length does not suit its type.
    #[error("the part's length does not suit its type")]
    Length,
    /// A text that is not UTF-8 or does not end in a zero byte.
    #[error("malformed text")]
    Text,
    /// A data source of unknown kind; holds it.
    #[error("unknown data source type {0}")]
    Source(u8),
    /// The datagram is signed.
    #[error("signed datagrams are not supported")]
    Signed,
    /// The datagram is encrypted.
    #[error("encrypted datagrams are not supported")]
    Encrypted,
}

/// The lists of values of a datagram. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    rest: &'a [u8],
    offset: usize,
    /// What the parts so far have set.
    now: ValueList<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, offset: 0, now: ValueList::default() }
    }

    /// Reads one part; whether it was one of values.
    fn part(&mut self) -> Result<bool, CollectdErrorKind> {
        let head = self.rest.first_chunk::<4>().ok_or(CollectdErrorKind::Truncated)?;
        let [a, b, c, d] = *head;
        let (kind, length) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        if length < 4 {
            return Err(CollectdErrorKind::Length);
        }
        let payload = self.rest.get(4..length).ok_or(CollectdErrorKind::Truncated)?;
        match kind {
            0x0000 => self.now.host = text(payload)?,
            0x0001 => self.now.time_ns = seconds(number(payload)?),
            0x0008 => self.now.time_ns = high_resolution(number(payload)?),
            0x0002 => {
                self.now.plugin = text(payload)?;
                self.now.plugin_instance = "";
            }
            0x0003 => self.now.plugin_instance = text(payload)?,
            0x0004 => {
                self.now.type_name = text(payload)?;
                self.now.type_instance = "";
            }
            0x0005 => self.now.type_instance = text(payload)?,
            0x0006 => self.now.values = values(payload)?,
            0x0007 => self.now.interval_ns = seconds(number(payload)?),
            0x0009 => self.now.interval_ns = high_resolution(number(payload)?),
            0x0200 => return Err(CollectdErrorKind::Signed),
            0x0210 => return Err(CollectdErrorKind::Encrypted),
            // Notifications, and what later versions bring.
            _ => {}
        }
        self.rest = self.rest.get(length..).unwrap_or_default();
        self.offset += length;
        Ok(kind == 0x0006)
    }
}

impl<'a> Iterator for Packet<'a> {
    type Item = Result<ValueList<'a>, CollectdError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.part() {
                Ok(false) => {}
                Ok(true) => {
                    let values = std::mem::take(&mut self.now.values);
                    return Some(Ok(ValueList { values, ..self.now.clone() }));
                }
                Err(kind) => {
                    self.rest = &[];
                    return Some(Err(CollectdError { offset: self.offset, kind }));
                }
            }
        }
        None
    }
}

fn text(payload: &[u8]) -> Result<&str, CollectdErrorKind> {
    let inside = payload.strip_suffix(&[0]).ok_or(CollectdErrorKind::Text)?;
    std::str::from_utf8(inside).map_err(|_| CollectdErrorKind::Text)
}

fn number(payload: &[u8]) -> Result<u64, CollectdErrorKind> {
    payload.try_into().map(u64::from_be_bytes).map_err(|_| CollectdErrorKind::Length)
}

fn seconds(seconds: u64) -> Option<i64> {
    i64::try_from(u128::from(seconds) * 1_000_000_000).ok()
}

/// Units of 2^-30 seconds, rounded to the nearest nanosecond.
fn high_resolution(units: u64) -> Option<i64> {
    i64::try_from((u128::from(units) * 1_000_000_000 + (1 << 29)) >> 30).ok()
}

/// A count, the kinds, then eight bytes for each.
fn values(payload: &[u8]) -> Result<Vec<Value>, CollectdErrorKind> {
    let (count, rest) = payload.split_first_chunk::<2>().ok_or(CollectdErrorKind::Length)?;
    let count = usize::from(u16::from_be_bytes(*count));
    let (kinds, numbers) = rest.split_at_checked(count).ok_or(CollectdErrorKind::Length)?;
    let (numbers, odd) = numbers.as_chunks::<8>();
    if numbers.len() != count || !odd.is_empty() {
        return Err(CollectdErrorKind::Length);
    }
    let value = |(kind, bytes): (&u8, &[u8; 8])| match kind {
        0 => Ok(Value::Counter(u64::from_be_bytes(*bytes))),
        // The one number in little-endian order.
        1 => Ok(Value::Gauge(f64::from_le_bytes(*bytes))),
        2 => Ok(Value::Derive(i64::from_be_bytes(*bytes))),
        3 => Ok(Value::Absolute(u64::from_be_bytes(*bytes))),
        other => Err(CollectdErrorKind::Source(*other)),
    };
    kinds.iter().zip(numbers).map(value).collect()
}
