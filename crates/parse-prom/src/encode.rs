//! The way back: write requests as bytes, for tests and clients.

use prost::encoding::encode_varint;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Any float; Prometheus marks the end of a series by a NaN of certain bits.
    pub value: f64,
}

/// A message that holds these series: labels and samples.
pub fn write_request<'a>(
    series: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, Vec<Sample>)>,
) -> Vec<u8> {
    let mut body = Vec::new();
    for (labels, samples) in series {
        let mut message = Vec::new();
        for (name, value) in labels {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut message, 1, &label);
        }
        for sample in samples {
            let mut encoded = vec![1 << 3 | 1];
            encoded.extend_from_slice(&sample.value.to_le_bytes());
            encoded.push(2 << 3);
            encode_varint(sample.timestamp.cast_unsigned(), &mut encoded);
            bytes(&mut message, 2, &encoded);
        }
        bytes(&mut body, 1, &message);
    }
    body
}

fn bytes(into: &mut Vec<u8>, number: u64, value: &[u8]) {
    encode_varint(number << 3 | 2, into);
    encode_varint(value.len() as u64, into);
    into.extend_from_slice(value);
}
