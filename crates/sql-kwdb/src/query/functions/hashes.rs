//! Checksums and digests of texts: `crc32c`, `fnv64a`, `sha256` and so on.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;
use sha2::{Digest, Sha256, Sha512};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hash {
    Crc32C,
    Crc32Ieee,
    Fnv32,
    Fnv32a,
    Fnv64,
    Fnv64a,
    Sha256,
    Sha512,
}

impl Hash {
    pub(super) const ALL: [Self; 8] = [
        Self::Crc32C,
        Self::Crc32Ieee,
        Self::Fnv32,
        Self::Fnv32a,
        Self::Fnv64,
        Self::Fnv64a,
        Self::Sha256,
        Self::Sha512,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crc32C => "crc32c",
            Self::Crc32Ieee => "crc32ieee",
            Self::Fnv32 => "fnv32",
            Self::Fnv32a => "fnv32a",
            Self::Fnv64 => "fnv64",
            Self::Fnv64a => "fnv64a",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn is_number(self) -> bool {
        !matches!(self, Self::Sha256 | Self::Sha512)
    }

    fn number(self, bytes: &[u8]) -> i64 {
        match self {
            Self::Crc32C => crc(bytes, 0x82F6_3B78).into(),
            Self::Crc32Ieee => crc(bytes, 0xEDB8_8320).into(),
            Self::Fnv32 => fnv32(bytes, false).into(),
            Self::Fnv32a => fnv32(bytes, true).into(),
            Self::Fnv64 => fnv64(bytes, false).cast_signed(),
            _ => fnv64(bytes, true).cast_signed(),
        }
    }

    fn text(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha512 => triglot_model::hex::encode(&Sha512::digest(bytes)),
            _ => triglot_model::hex::encode(&Sha256::digest(bytes)),
        }
    }
}

/// A cyclic redundancy check with a reflected polynomial.
fn crc(bytes: &[u8], polynomial: u32) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { polynomial } else { 0 })
    })
}

fn fnv32(bytes: &[u8], alternate: bool) -> u32 {
    const PRIME: u32 = 0x0100_0193;
    bytes.iter().map(|b| u32::from(*b)).fold(0x811C_9DC5, |hash: u32, byte| {
        if alternate { (hash ^ byte).wrapping_mul(PRIME) } else { hash.wrapping_mul(PRIME) ^ byte }
    })
}

fn fnv64(bytes: &[u8], alternate: bool) -> u64 {
    const PRIME: u64 = 0x0100_0000_01B3;
    bytes.iter().map(|b| u64::from(*b)).fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        if alternate { (hash ^ byte).wrapping_mul(PRIME) } else { hash.wrapping_mul(PRIME) ^ byte }
    })
}

/// The function of one text or bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HashFunction {
    hash: Hash,
    signature: Signature,
}

impl HashFunction {
    pub(super) fn new(hash: Hash) -> Self {
        let exact = [DataType::Utf8, DataType::Utf8View, DataType::Binary, DataType::BinaryView];
        let forms = exact.into_iter().map(|ty| TypeSignature::Exact(vec![ty])).collect();
        Self { hash, signature: Signature::one_of(forms, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for HashFunction {
    fn name(&self) -> &str {
        self.hash.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(if self.hash.is_number() { DataType::Int64 } else { DataType::Utf8 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return exec_err!("{} takes one value", self.name()) };
        let is_scalar = matches!(value, ColumnarValue::Scalar(_));
        let values = value.to_array(if is_scalar { 1 } else { args.number_rows })?;
        let bytes = cast(&values, &DataType::Binary)?;
        let bytes = bytes.as_binary::<i32>().iter();
        let hash = self.hash;
        let result: ArrayRef = if hash.is_number() {
            Arc::new(bytes.map(|b| b.map(|b| hash.number(b))).collect::<Int64Array>())
        } else {
            Arc::new(bytes.map(|b| b.map(|b| hash.text(b))).collect::<StringArray>())
        };
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_are_those_of_the_standards() {
        assert_eq!(Hash::Crc32Ieee.number(b"123456789"), 0xCBF4_3926);
        assert_eq!(Hash::Crc32C.number(b"123456789"), 0xE306_9283);
        assert_eq!(Hash::Fnv32a.number(b"foobar"), 0xBF9C_F968);
        assert_eq!(Hash::Fnv32.number(b"foobar"), 0x31F0_B262);
        assert_eq!(Hash::Fnv64a.number(b"foobar").cast_unsigned(), 0x8594_4171_F739_67E8);
        assert_eq!(Hash::Sha256.text(b"abc").get(..8), Some("ba7816bf"));
    }
}
