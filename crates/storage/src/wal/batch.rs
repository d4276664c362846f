//! Rows in a WAL record, frozen as version 1 (M-4).
//!
//! ```text
//!  0  version u8 = 1 | flags u8 (bit 0: body is one LZ4 block) | columns u16
//!  4  table u32 | schema version u32 | rows u32
//! 16  body u64, bytes of the body before compression
//! 24  per column 16 bytes: role u8 | type u8 | p1 u8 | p2 i8 | column id u32
//!                          | flags u8 (bit 0 nullable, bit 1 has a validity bitmap, bit 2 narrowed)
//!                          | width u8 | 0 0 | value bytes u32
//!     body: per column the Arrow buffers [validity] [offsets] values, each padded to 8 bytes;
//!           a narrowed column (`narrow`): base i64, then `width` bytes a row
//! ```
//!
//! The buffers are Arrow's own (bitmaps least significant bit first, offsets i32 starting at 0), so
//! encoding is one copy into the write buffer. The frame around them is ours and not an Arrow IPC
//! message: every size follows from the few numbers above, so hostile bytes cannot name a place
//! outside (arrow-ipc panics on those), the schema takes 16 bytes a column instead of ≈ 100, and
//! the bytes do not change with Arrow's version (M-4).

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::downcast_primitive_array;
use triglot_model::{ColumnId, TableId};

use super::codec::{CodecError, Input, V1, WalPayload};
use super::narrow::{self, Frame};
use super::record::MAX_RECORD;
use crate::physical;

const LZ4: u8 = 1;
const NULLABLE: u8 = 1;
const VALIDITY: u8 = 2;
const NARROWED: u8 = 4;
/// Bytes of a narrowed column's base.
const BASE: usize = 8;
/// Bytes of one column's description.
const COLUMN: usize = 16;
/// No smaller body is compressed: it would not shrink by a disk block.
const LZ4_MIN: usize = 4096;
/// LZ4 cannot shrink more than this.
const LZ4_RATIO: u64 = 255;

// Buffers are copied as they are in memory.
const _: () = assert!(cfg!(target_endian = "little"), "triglot's formats need a little-endian machine");

/// One column's description in the record.
#[derive(Clone, Copy, Debug)]
struct Column {
    role: u8,
    ty: TypeCode,
    id: u32,
    flags: u8,
    /// Bytes of a value if narrowed.
    width: u8,
    value_bytes: u32,
}

/// A stored type: code and two parameters.
#[derive(Clone, Copy, Debug)]
struct TypeCode {
    code: u8,
    p1: u8,
    p2: i8,
}

/// How the values of a type lie in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Bits,
    Fixed(usize),
    Bytes,
}

// Roles of columns.
const SID: u8 = 0;
const TIME: u8 = 1;
const OP: u8 = 2;
const SET: u8 = 3;
const STORED: u8 = 4;

/// Appends the encoded batch to `out`, which is 8-byte aligned relative to the record.
pub(super) fn encode(
    table: TableId,
    schema_version: u32,
    batch: &RecordBatch,
    out: &mut Vec<u8>,
    lz4: bool,
) -> Result<(), CodecError> {
    let columns = u16::try_from(batch.num_columns()).map_err(|_| unencodable("too many columns"))?;
    let rows = u32::try_from(batch.num_rows()).map_err(|_| unencodable("too many rows"))?;
    let start = out.len();
    out.extend_from_slice(&[V1, 0]);
    out.extend_from_slice(&columns.to_le_bytes());
    for n in [table.0, schema_version, rows, 0, 0] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    let schema = batch.schema_ref();
    check_schema(schema).map_err(unencodable)?;
    let frames = frames(batch);
    for ((field, array), frame) in schema.fields().iter().zip(batch.columns()).zip(&frames) {
        put_description(out, field, array, *frame)?;
    }
    let body = out.len();
    for (array, frame) in batch.columns().iter().zip(&frames) {
        put_column(out, array, *frame)?;
    }
    let body_bytes = (out.len() - body) as u64;
    put_at(out, start + 16, &body_bytes.to_le_bytes());
    if lz4 && out.len() - body >= LZ4_MIN && compress(out, body) {
        put_at(out, start + 1, &[LZ4]);
    }
    Ok(())
}

/// How each column is narrowed.
fn frames(batch: &RecordBatch) -> Vec<Option<Frame>> {
    // What is read back must fit into a record without narrowing, see `decode`.
    let wide: usize = batch.columns().iter().map(|c| c.data_type().primitive_width().unwrap_or(0)).sum();
    if (wide * batch.num_rows()) as u64 > MAX_RECORD / 2 {
        return vec![None; batch.num_columns()];
    }
    let frame = |array: &ArrayRef| {
        let width = integer_width(array.data_type())?;
        narrow::frame(values(array)?, width)
    };
    batch.columns().iter().map(frame).collect()
}

/// Bytes of an integer or a time; none for other types.
fn integer_width(ty: &DataType) -> Option<usize> {
    let integer = ty.is_integer() || matches!(ty, DataType::Timestamp(..));
    integer.then(|| ty.primitive_width()).flatten()
}

/// The bytes of a column's values, of a fixed width; none for other types.
fn values(array: &ArrayRef) -> Option<&[u8]> {
    downcast_primitive_array!(
        array => Some(array.values().inner().as_slice()),
        _ => None
    )
}

/// Replaces everything from `body` on by its LZ4 block, if that is smaller.
fn compress(out: &mut Vec<u8>, body: usize) -> bool {
    let raw = out.get(body..).unwrap_or_default();
    let packed = lz4_flex::block::compress(raw);
    if packed.len() >= raw.len() {
        return false;
    }
    out.truncate(body);
    out.extend_from_slice(&packed);
    true
}

fn put_description(
    out: &mut Vec<u8>,
    field: &Field,
    array: &ArrayRef,
    frame: Option<Frame>,
) -> Result<(), CodecError> {
    let (role, id) =
        role_of(field.name()).ok_or_else(|| unencodable(format!("column '{}'", field.name())))?;
    let ty = TypeCode::of(field.data_type())
        .ok_or_else(|| unencodable(format!("column '{}' of type {}", field.name(), field.data_type())))?;
    let value_bytes = match array.data_type() {
        DataType::Utf8 => text_bytes(array.as_string::<i32>().offsets()),
        DataType::Binary => text_bytes(array.as_binary::<i32>().offsets()),
        _ => 0,
    };
    let mut flags = 0;
    if field.is_nullable() {
        flags |= NULLABLE;
    }
    if array.null_count() > 0 {
        flags |= VALIDITY;
    }
    out.extend_from_slice(&[role, ty.code, ty.p1, ty.p2 as u8]);
    out.extend_from_slice(&id.to_le_bytes());
    if frame.is_some() {
        flags |= NARROWED;
    }
    out.extend_from_slice(&[flags, frame.map_or(0, |f| f.width), 0, 0]);
    out.extend_from_slice(&value_bytes.to_le_bytes());
    Ok(())
}

fn put_column(out: &mut Vec<u8>, array: &ArrayRef, frame: Option<Frame>) -> Result<(), CodecError> {
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        put_bits(out, nulls.inner());
    }
    match array.data_type() {
        DataType::Boolean => put_bits(out, array.as_boolean().values()),
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            put_bytes(out, array.offsets(), array.value_data());
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            put_bytes(out, array.offsets(), array.value_data());
        }
        ty => {
            let width = ty.primitive_width().ok_or_else(|| unencodable(format!("type {ty}")))?;
            let values = values(array).ok_or_else(|| unencodable(format!("type {ty}")))?;
            match frame {
                Some(frame) => {
                    out.extend_from_slice(&frame.base.to_le_bytes());
                    narrow::put(out, values, width, frame);
                    pad(out, array.len() * usize::from(frame.width));
                }
                None => {
                    out.extend_from_slice(values);
                    pad(out, values.len());
                }
            }
        }
    }
    Ok(())
}

fn put_bits(out: &mut Vec<u8>, bits: &BooleanBuffer) {
    let sliced = bits.sliced();
    let bytes = bits.len().div_ceil(8);
    out.extend_from_slice(sliced.as_slice().get(..bytes).unwrap_or_default());
    // Bits behind the last row are whatever the builder left there; records are deterministic.
    if let (Some(last), used @ 1..) = (out.last_mut(), bits.len() % 8) {
        *last &= (1 << used) - 1;
    }
    pad(out, bytes);
}

fn put_bytes(out: &mut Vec<u8>, offsets: &OffsetBuffer<i32>, values: &[u8]) {
    let (first, last) = ends(offsets);
    if first == 0 {
        out.extend_from_slice(offsets.inner().inner().as_slice());
    } else {
        for offset in offsets.iter() {
            out.extend_from_slice(&(offset - first).to_le_bytes());
        }
    }
    pad(out, offsets.len() * 4);
    let values = values.get(first as usize..last as usize).unwrap_or_default();
    out.extend_from_slice(values);
    pad(out, values.len());
}

fn ends(offsets: &OffsetBuffer<i32>) -> (i32, i32) {
    (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0))
}

fn text_bytes(offsets: &OffsetBuffer<i32>) -> u32 {
    let (first, last) = ends(offsets);
    (last - first).unsigned_abs()
}

fn pad(out: &mut Vec<u8>, written: usize) {
    out.extend_from_slice([0; 8].get(..written.next_multiple_of(8) - written).unwrap_or_default());
}

fn put_at(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = out.get_mut(at..at + bytes.len()) {
        target.copy_from_slice(bytes);
    }
}

fn unencodable(reason: impl Into<String>) -> CodecError {
    CodecError::Unencodable(reason.into())
}

/// Decodes what follows the version byte.
pub(super) fn decode(input: &mut Input<'_>) -> Result<WalPayload, CodecError> {
    let flags = input.u8()?;
    if flags & !LZ4 != 0 {
        return Err(input.bad(format!("unknown batch flags {flags:#x}")));
    }
    let columns = usize::from(input.u16()?);
    let (table, schema_version, rows) = (input.table()?, input.u32()?, input.u32()?);
    let body_bytes = input.u64()?;
    if columns > input.remaining() / COLUMN {
        return Err(input.bad(format!("{columns} columns do not fit")));
    }
    let columns = (0..columns).map(|_| Column::read(input)).collect::<Result<Vec<_>, _>>()?;
    // A few bytes may stand for many rows of a narrowed column: no more than a record could hold.
    if columns.iter().map(|c| c.natural_bytes(rows)).sum::<u64>() > MAX_RECORD {
        return Err(
            input.bad(format!("{rows} rows of {} columns are more than a record holds", columns.len()))
        );
    }
    let expected: u64 = columns.iter().map(|c| c.body_bytes(rows)).sum();
    if expected != body_bytes || body_bytes > MAX_RECORD {
        return Err(input.bad(format!("body of {body_bytes} bytes where the columns take {expected}")));
    }
    let unpacked;
    let body = if flags & LZ4 == 0 {
        input.take(usize::try_from(body_bytes).unwrap_or(usize::MAX))?
    } else {
        unpacked = decompress(input, body_bytes)?;
        &unpacked
    };
    let batch = read_columns(&columns, rows, body).map_err(|reason| input.bad(reason))?;
    Ok(WalPayload::Batch { table, schema_version, batch })
}

fn decompress(input: &mut Input<'_>, body_bytes: u64) -> Result<Vec<u8>, CodecError> {
    let packed = input.take(input.remaining())?;
    if body_bytes > packed.len() as u64 * LZ4_RATIO + 64 {
        return Err(input.bad(format!("{} bytes cannot unpack to {body_bytes}", packed.len())));
    }
    let mut body = vec![0; usize::try_from(body_bytes).unwrap_or(0)];
    match lz4_flex::block::decompress_into(packed, &mut body) {
        Ok(n) if n as u64 == body_bytes => Ok(body),
        Ok(n) => Err(input.bad(format!("unpacked to {n} instead of {body_bytes} bytes"))),
        Err(e) => Err(input.bad(e.to_string())),
    }
}

fn read_columns(columns: &[Column], rows: u32, body: &[u8]) -> Result<RecordBatch, String> {
    let mut rest = body;
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for column in columns {
        let field = column.field().ok_or_else(|| format!("unknown column {column:?}"))?;
        arrays.push(column.array(field.data_type(), rows as usize, &mut rest)?);
        fields.push(field);
    }
    let schema = Schema::new(fields);
    check_schema(&schema)?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows as usize));
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options).map_err(|e| e.to_string())
}

impl Column {
    fn read(input: &mut Input<'_>) -> Result<Self, CodecError> {
        let role = input.u8()?;
        let (code, p1, p2) = (input.u8()?, input.u8()?, input.u8()? as i8);
        let id = input.u32()?;
        let flags = input.u8()?;
        let width = input.u8()?;
        let zero = input.take(2)?;
        let ty = TypeCode { code, p1, p2 };
        let column = Self { role, ty, id, flags, width, value_bytes: input.u32()? };
        let natural = ty.arrow().as_ref().and_then(integer_width).unwrap_or(0);
        let narrow = matches!(width, 0 | 1 | 2 | 4) && usize::from(width) < natural;
        let known = column.field().is_some()
            && flags & !(NULLABLE | VALIDITY | NARROWED) == 0
            && (if flags & NARROWED == 0 { width == 0 } else { narrow })
            && zero == [0; 2]
            && (column.layout() == Layout::Bytes || column.value_bytes == 0);
        if known { Ok(column) } else { Err(input.bad(format!("unknown column {column:?}"))) }
    }

    fn layout(&self) -> Layout {
        match self.ty.arrow() {
            Some(DataType::Boolean) => Layout::Bits,
            Some(ty) => ty.primitive_width().map_or(Layout::Bytes, Layout::Fixed),
            None => Layout::Bytes,
        }
    }

    fn field(&self) -> Option<Field> {
        let name = match self.role {
            SID => physical::SID.to_owned(),
            TIME => physical::TIME.to_owned(),
            OP => physical::OP.to_owned(),
            SET => physical::SET.to_owned(),
            STORED => physical::column_name(ColumnId(self.id)),
            _ => return None,
        };
        (self.role == STORED || self.id == 0)
            .then(|| self.ty.arrow())?
            .map(|ty| Field::new(name, ty, self.flags & NULLABLE != 0))
    }

    fn is_narrowed(&self) -> bool {
        self.flags & NARROWED != 0
    }

    /// Bytes of the values of this column in memory, lengths of texts apart.
    fn natural_bytes(&self, rows: u32) -> u64 {
        match self.layout() {
            Layout::Fixed(width) => u64::from(rows) * width as u64,
            Layout::Bits | Layout::Bytes => 0,
        }
    }

    /// Bytes of this column in the body; cannot overflow: 2^32 rows of 16 bytes, 2^16 columns.
    fn body_bytes(&self, rows: u32) -> u64 {
        let rows = u64::from(rows);
        let bits = rows.div_ceil(8).next_multiple_of(8);
        let validity = if self.flags & VALIDITY == 0 { 0 } else { bits };
        validity
            + match self.layout() {
                Layout::Bits => bits,
                Layout::Fixed(_) if self.is_narrowed() => {
                    BASE as u64 + (rows * u64::from(self.width)).next_multiple_of(8)
                }
                Layout::Fixed(width) => (rows * width as u64).next_multiple_of(8),
                Layout::Bytes => {
                    ((rows + 1) * 4).next_multiple_of(8) + u64::from(self.value_bytes).next_multiple_of(8)
                }
            }
    }

    /// Takes this column's buffers off `rest`; Arrow validates offsets, UTF-8 and null counts.
    fn array(&self, ty: &DataType, rows: usize, rest: &mut &[u8]) -> Result<ArrayRef, String> {
        let mut data = ArrayData::builder(ty.clone()).len(rows);
        if self.flags & VALIDITY != 0 {
            data = data.null_bit_buffer(Some(buffer(rest, rows.div_ceil(8))?));
        }
        data = match self.layout() {
            Layout::Bits => data.add_buffer(buffer(rest, rows.div_ceil(8))?),
            Layout::Fixed(width) if self.is_narrowed() => {
                let base = take(rest, BASE)?.first_chunk().copied().ok_or("the body is too short")?;
                let frame = Frame { base: i64::from_le_bytes(base), width: self.width };
                let offsets = take(rest, rows * usize::from(self.width))?;
                data.add_buffer(narrow::expand(offsets, rows, width, frame))
            }
            Layout::Fixed(width) => data.add_buffer(buffer(rest, rows * width)?),
            Layout::Bytes => {
                let offsets = buffer(rest, (rows + 1) * 4)?;
                data.add_buffer(offsets).add_buffer(buffer(rest, self.value_bytes as usize)?)
            }
        };
        Ok(make_array(data.build().map_err(|e| e.to_string())?))
    }
}

/// Copies the next `len` bytes, so that each column owns its memory and is aligned, and skips padding.
fn buffer(rest: &mut &[u8], len: usize) -> Result<Buffer, String> {
    take(rest, len).map(Buffer::from)
}

/// Takes the next `len` bytes and skips padding.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], String> {
    let bytes = rest.get(..len).ok_or("the body is too short")?;
    *rest = rest.get(len.next_multiple_of(8)..).ok_or("the body is too short")?;
    Ok(bytes)
}

impl TypeCode {
    fn of(ty: &DataType) -> Option<Self> {
        let simple = |code| Some(Self { code, p1: 0, p2: 0 });
        match ty {
            DataType::Boolean => simple(1),
            DataType::Int8 => simple(2),
            DataType::Int16 => simple(3),
            DataType::Int32 => simple(4),
            DataType::Int64 => simple(5),
            DataType::UInt8 => simple(6),
            DataType::UInt16 => simple(7),
            DataType::UInt32 => simple(8),
            DataType::UInt64 => simple(9),
            DataType::Float32 => simple(10),
            DataType::Float64 => simple(11),
            DataType::Decimal128(p1, p2) => Some(Self { code: 12, p1: *p1, p2: *p2 }),
            DataType::Timestamp(unit, None) => {
                let p1 = match unit {
                    TimeUnit::Second => 0,
                    TimeUnit::Millisecond => 3,
                    TimeUnit::Microsecond => 6,
                    TimeUnit::Nanosecond => 9,
                };
                Some(Self { code: 13, p1, p2: 0 })
            }
            DataType::Utf8 => simple(14),
            DataType::Binary => simple(15),
            _ => None,
        }
    }

    fn arrow(self) -> Option<DataType> {
        Some(match (self.code, self.p1, self.p2) {
            (1, 0, 0) => DataType::Boolean,
            (2, 0, 0) => DataType::Int8,
            (3, 0, 0) => DataType::Int16,
            (4, 0, 0) => DataType::Int32,
            (5, 0, 0) => DataType::Int64,
            (6, 0, 0) => DataType::UInt8,
            (7, 0, 0) => DataType::UInt16,
            (8, 0, 0) => DataType::UInt32,
            (9, 0, 0) => DataType::UInt64,
            (10, 0, 0) => DataType::Float32,
            (11, 0, 0) => DataType::Float64,
            (12, p @ 1..=38, s @ -38..=38) => DataType::Decimal128(p, s),
            (13, 0, 0) => DataType::Timestamp(TimeUnit::Second, None),
            (13, 3, 0) => DataType::Timestamp(TimeUnit::Millisecond, None),
            (13, 6, 0) => DataType::Timestamp(TimeUnit::Microsecond, None),
            (13, 9, 0) => DataType::Timestamp(TimeUnit::Nanosecond, None),
            (14, 0, 0) => DataType::Utf8,
            (15, 0, 0) => DataType::Binary,
            _ => return None,
        })
    }
}

/// Role and column id of a physical name.
fn role_of(name: &str) -> Option<(u8, u32)> {
    Some(match name {
        physical::SID => (SID, 0),
        physical::TIME => (TIME, 0),
        physical::OP => (OP, 0),
        physical::SET => (SET, 0),
        // `c007` would come back as `c7`.
        _ => (STORED, physical::column_id(name).filter(|id| physical::column_name(*id) == name)?.0),
    })
}

/// The key columns must lead, and no column may come twice.
fn check_schema(schema: &Schema) -> Result<(), String> {
    let keys = physical::key_fields();
    if schema.fields().len() < keys.len() || !schema.fields().iter().zip(&keys).all(|(a, b)| a.as_ref() == b)
    {
        return Err(format!("a batch must start with {} and {}", physical::SID, physical::TIME));
    }
    let mut names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err("a column comes twice".to_owned());
    }
    for field in schema.fields() {
        let expected = match field.name().as_str() {
            physical::OP => DataType::UInt8,
            physical::SET => DataType::Binary,
            _ => continue,
        };
        if *field.data_type() != expected {
            return Err(format!("{} must be {expected}", field.name()));
        }
    }
    Ok(())
}
