//! Protocol buffers and blocks of snappy by hand: what no encoder would write can be written, too.

/// Seven bits a byte, the lowest first.
pub(super) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// Field `number` of the wire type 2.
pub(super) fn bytes(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// Field `number` of the wire type 0.
pub(super) fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// Field `number` of the wire type 1.
pub(super) fn fixed(number: u64, bits: u64) -> Vec<u8> {
    [varint(number << 3 | 1), bits.to_le_bytes().to_vec()].concat()
}

/// A block of snappy.
pub(super) fn block(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

pub(super) fn label(name: &[u8], value: &[u8]) -> Vec<u8> {
    bytes(1, &[bytes(1, name), bytes(2, value)].concat())
}

/// Value and milliseconds.
pub(super) fn sample(value: f64, time: i64) -> Vec<u8> {
    bytes(2, &[fixed(1, value.to_bits()), int(2, time.cast_unsigned())].concat())
}

/// A series of remote write: labels, then value and milliseconds of samples.
pub(super) type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(f64, i64)]);

/// A message of remote write.
pub(super) fn prom(series: &[Series<'_>]) -> Vec<u8> {
    let one = |(labels, samples): &Series<'_>| {
        let labels = labels.iter().flat_map(|(name, value)| label(name.as_bytes(), value.as_bytes()));
        bytes(
            1,
            &labels
                .chain(samples.iter().flat_map(|(value, time)| sample(*value, *time)))
                .collect::<Vec<u8>>(),
        )
    };
    series.iter().flat_map(one).collect()
}

/// A message of remote read: a query over a range of milliseconds for one name.
pub(super) fn prom_read(name: &str) -> Vec<u8> {
    let matcher = bytes(3, &[bytes(2, b"__name__"), bytes(3, name.as_bytes())].concat());
    bytes(1, &[int(1, 1), int(2, 2_000_000_000_000), matcher].concat())
}

/// A push of Loki with one stream: labels as text; seconds, nanoseconds and line of its entries.
pub(super) fn loki(labels: &str, entries: &[(i64, i32, &[u8])]) -> Vec<u8> {
    let entry = |(seconds, nanos, line): &(i64, i32, &[u8])| {
        let time = [int(1, seconds.cast_unsigned()), int(2, i64::from(*nanos).cast_unsigned())].concat();
        bytes(2, &[bytes(1, &time), bytes(2, line)].concat())
    };
    let entries = entries.iter().flat_map(entry).collect::<Vec<u8>>();
    bytes(1, &[bytes(1, labels.as_bytes()), entries].concat())
}

/// A span: name, begin and end in nanoseconds, attributes that are texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) name: &'a [u8],
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) attributes: &'a [(&'a str, &'a str)],
}

pub(super) const SPAN: Span<'_> = Span {
    name: b"n",
    begin: 1_700_000_000_000_000_000,
    end: 1_700_000_000_000_000_005,
    attributes: &[("k", "v")],
};

pub(super) fn attribute(number: u64, name: &str, value: &[u8]) -> Vec<u8> {
    bytes(number, &[bytes(1, name.as_bytes()), bytes(2, value)].concat())
}

/// An export request with one resource, `service.name=svc`, and one scope.
pub(super) fn otlp(spans: &[Span<'_>]) -> Vec<u8> {
    let one = |span: &Span<'_>| {
        let text = |(name, value): &(&str, &str)| attribute(9, name, &bytes(1, value.as_bytes()));
        let attributes: Vec<u8> = span.attributes.iter().flat_map(text).collect();
        let head = [bytes(1, &[1; 16]), bytes(2, &[2; 8]), bytes(5, span.name), int(6, 2)].concat();
        bytes(2, &[head, fixed(7, span.begin), fixed(8, span.end), attributes].concat())
    };
    let resource = bytes(1, &attribute(1, "service.name", &bytes(1, b"svc")));
    let scope = bytes(2, &spans.iter().flat_map(one).collect::<Vec<u8>>());
    bytes(1, &[resource, scope].concat())
}
