//! The wire format of protocol buffers, borrowed.

use crate::error::{ProtoError, ProtoErrorKind};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

/// A field with its number and the offset of its key in the body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    pub(crate) offset: usize,
    /// Where the value's bytes begin in the body.
    pub(crate) value_at: usize,
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(self) -> Result<&'a [u8], ProtoError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.fault(ProtoErrorKind::WireType)),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, ProtoError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.fault(ProtoErrorKind::Utf8))
    }

    pub(crate) fn fault(self, kind: ProtoErrorKind) -> ProtoError {
        ProtoError { offset: self.offset, kind }
    }
}

/// The fields of a message. After an error there are none.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    message: &'a [u8],
    at: usize,
    /// Offset of the message in the body.
    base: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8], base: usize) -> Self {
        Self { message, at: 0, base }
    }

    /// The fields from an offset in the message on.
    pub(crate) fn starting_at(message: &'a [u8], base: usize, at: usize) -> Self {
        Self { message, at, base }
    }

    /// Fields 1 and 2, if the message has these two in this order with these types and nothing else.
    #[inline]
    pub(crate) fn fixed64_then_varint(&self) -> Option<(u64, u64)> {
        let (head, rest) = self.message.split_first_chunk::<10>()?;
        let [0x09, value @ .., 0x10] = head else { return None };
        let mut varint = 0u64;
        let (last, others) = rest.split_last()?;
        // Nine groups of seven bits; a tenth is for negative numbers, which are rare.
        if others.len() > 8 || *last >= 0x80 {
            return None;
        }
        for (at, byte) in rest.iter().enumerate() {
            if *byte < 0x80 && at < others.len() {
                return None;
            }
            varint |= u64::from(byte & 0x7f) << (7 * at);
        }
        Some((u64::from_le_bytes(*value), varint))
    }

    /// Offset in the message behind the last field.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn read(&mut self) -> Result<Field<'a>, ProtoErrorKind> {
        let offset = self.base + self.at;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| ProtoErrorKind::Key)?;
        if number == 0 {
            return Err(ProtoErrorKind::Key);
        }
        let mut value_at = self.base + self.at;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                let chunk = self.message.get(self.at..).and_then(|rest| rest.first_chunk::<8>());
                self.at += 8;
                Value::Fixed64(u64::from_le_bytes(*chunk.ok_or(ProtoErrorKind::Truncated)?))
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtoErrorKind::Truncated)?;
                value_at = self.base + self.at;
                let end = self.at.checked_add(length).ok_or(ProtoErrorKind::Truncated)?;
                let bytes = self.message.get(self.at..end).ok_or(ProtoErrorKind::Truncated)?;
                self.at = end;
                Value::Bytes(bytes)
            }
            5 => {
                self.at += 4;
                (self.at <= self.message.len()).then_some(Value::Fixed32).ok_or(ProtoErrorKind::Truncated)?
            }
            _ => return Err(ProtoErrorKind::Key),
        };
        Ok(Field { number, value, offset, value_at })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, ProtoErrorKind> {
        let rest = self.message.get(self.at..).unwrap_or_default();
        match rest.first() {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(rest),
        }
    }

    fn long_varint(&mut self, rest: &[u8]) -> Result<u64, ProtoErrorKind> {
        let mut value = 0u64;
        for (at, &byte) in rest.iter().take(10).enumerate() {
            // The tenth byte has room for one bit.
            if at == 9 && byte > 1 {
                return Err(ProtoErrorKind::Varint);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.at += at + 1;
                return Ok(value);
            }
        }
        Err(if rest.len() < 10 { ProtoErrorKind::Truncated } else { ProtoErrorKind::Varint })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ProtoError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.len() {
            return None;
        }
        let offset = self.base + self.at;
        let field = self.read();
        if field.is_err() {
            self.at = self.message.len();
        }
        Some(field.map_err(|kind| ProtoError { offset, kind }))
    }
}
