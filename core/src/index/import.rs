//! Vectors in files of others: `fvecs`, and a tensor of a safetensors file.
//!
//! Both read bytes that anybody may have written: lengths are compared with what is there before
//! anything is allocated. Values come as `f32`; what is wider is rounded, what is narrower fits.

use serde_json::Value as Json;
use tastemaker_kernels::widen_halves;

use crate::error::{Error, ErrorKind, Result, shown};

use super::options::MAX_DIMENSION;
use super::vectors::Vectors;

/// The longest header of a safetensors file, as its format limits it.
const MAX_HEADER: u64 = 100_000_000;

/// Rows of equal length that were read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedVectors {
    /// The values, row by row.
    pub values: Vec<f32>,
    /// Values of a row.
    pub dimension: usize,
}

impl ImportedVectors {
    /// The rows, to build an index of.
    ///
    /// # Errors
    /// As [`Vectors::new`].
    pub fn as_vectors(&self) -> Result<Vectors<'_>> {
        Vectors::new(&self.values, self.dimension)
    }

    /// Reads an `fvecs` file: each row is its number of values as an `i32`, then the values as
    /// `f32`, all little-endian. Copies once.
    ///
    /// ```
    /// use tastemaker::index::ImportedVectors;
    /// let bytes = [&1i32.to_le_bytes()[..], &2.5f32.to_le_bytes()].concat();
    /// assert_eq!(ImportedVectors::from_fvecs(&bytes)?.values, [2.5]);
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidVector`] if there is no row, a row is cut off, or has another length
    /// than the first.
    pub fn from_fvecs(bytes: &[u8]) -> Result<Self> {
        let refuse = |why: String| Error::new(ErrorKind::InvalidVector, format!("fvecs: {why}"));
        let length = |bytes: &[u8]| bytes.first_chunk().map(|&four| i32::from_le_bytes(four));
        let first = length(bytes).ok_or_else(|| refuse("there is no row".to_owned()))?;
        let dimension = usize::try_from(first)
            .ok()
            .filter(|n| (1..=MAX_DIMENSION).contains(n))
            .ok_or_else(|| {
                refuse(format!(
                    "row 0 has {first} values; it must be from 1 to {MAX_DIMENSION}"
                ))
            })?;
        let stride = 4 + 4 * dimension;
        if !bytes.len().is_multiple_of(stride) {
            return Err(refuse(format!(
                "{} bytes are no whole number of rows of {dimension} values",
                bytes.len()
            )));
        }
        let mut values = Vec::with_capacity(bytes.len() / stride * dimension);
        for (row, bytes) in bytes.chunks_exact(stride).enumerate() {
            if length(bytes) != Some(first) {
                return Err(refuse(format!(
                    "row {row} has {} values and row 0 has {dimension}",
                    length(bytes).unwrap_or_default()
                )));
            }
            let row = bytes.get(4..).unwrap_or_default().as_chunks().0;
            values.extend(row.iter().map(|&four| f32::from_le_bytes(four)));
        }
        Ok(Self { values, dimension })
    }

    /// Reads a two-dimensional tensor of a safetensors file, of type F32, F16, BF16 or F64: the
    /// one with this name, or the only one that has two dimensions. Copies once.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidVector`] if the bytes are no such file, or the tensor has another
    /// shape or type; [`ErrorKind::InvalidArgument`] if there is no tensor of this name, or no
    /// name is given and none, or several, have two dimensions.
    pub fn from_safetensors(bytes: &[u8], name: Option<&str>) -> Result<Self> {
        let refuse =
            |why: String| Error::new(ErrorKind::InvalidVector, format!("safetensors: {why}"));
        let (header, data) = split(bytes).map_err(&refuse)?;
        let header: Json = serde_json::from_slice(header)
            .map_err(|error| refuse(format!("the header is not JSON: {error}")))?;
        let tensors = header
            .as_object()
            .ok_or_else(|| refuse("the header is no object".to_owned()))?;
        let two_dimensional =
            |(name, tensor): &(&String, &Json)| *name != "__metadata__" && shape(tensor).is_some();
        let (name, tensor) = match name {
            Some(name) => tensors
                .get_key_value(name)
                .filter(|_| name != "__metadata__"),
            None => {
                let mut found = tensors.iter().filter(two_dimensional);
                found.next().filter(|_| found.next().is_none())
            }
        }
        .ok_or_else(|| {
            let names: Vec<&str> = tensors
                .iter()
                .filter(two_dimensional)
                .map(|(name, _)| name.as_str())
                .take(8)
                .collect();
            let wanted = name.map_or("no name is given".to_owned(), |name| {
                format!("there is no tensor {}", shown(name))
            });
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "safetensors: {wanted}; those with two dimensions are {}",
                    shown(&names.join(", "))
                ),
            )
        })?;
        let refuse = |why: &str| refuse(format!("tensor {}: {why}", shown(name)));
        let [rows, dimension] = shape(tensor).ok_or_else(|| refuse("it has no two dimensions"))?;
        if !(1..=MAX_DIMENSION).contains(&dimension) {
            return Err(refuse(&format!(
                "rows have {dimension} values; it must be from 1 to {MAX_DIMENSION}"
            )));
        }
        let kind = tensor.get("dtype").and_then(Json::as_str).unwrap_or("");
        let width = match kind {
            "F16" | "BF16" => 2,
            "F32" => 4,
            "F64" => 8,
            _ => return Err(refuse("its type is none of F32, F16, BF16 and F64")),
        };
        let needed = rows
            .checked_mul(dimension)
            .and_then(|n| n.checked_mul(width));
        let offsets = pair(tensor.get("data_offsets"))
            .filter(|[from, to]| to.checked_sub(*from) == needed && needed.is_some())
            .ok_or_else(|| refuse("its offsets do not fit its shape and type"))?;
        let data = data
            .get(offsets[0]..offsets[1])
            .ok_or_else(|| refuse("it ends beyond the file"))?;
        Ok(Self {
            values: floats(kind, data),
            dimension,
        })
    }
}

/// The header and the data.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let (&length, rest) = bytes
        .split_first_chunk()
        .ok_or("shorter than a header's length")?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(format!(
            "a header of {length} bytes; the format allows {MAX_HEADER}"
        ));
    }
    rest.split_at_checked(length as usize)
        .ok_or_else(|| "the header is cut off".to_owned())
}

/// Two whole numbers.
fn pair(value: Option<&Json>) -> Option<[usize; 2]> {
    let number = |value: &Json| usize::try_from(value.as_u64()?).ok();
    match value?.as_array()?.as_slice() {
        [a, b] => Some([number(a)?, number(b)?]),
        _ => None,
    }
}

fn shape(tensor: &Json) -> Option<[usize; 2]> {
    pair(tensor.get("shape"))
}

fn floats(kind: &str, data: &[u8]) -> Vec<f32> {
    match kind {
        "F32" => {
            let values = data.as_chunks().0.iter();
            values.map(|&four| f32::from_le_bytes(four)).collect()
        }
        "F64" => {
            let values = data.as_chunks().0.iter();
            values
                .map(|&eight| f64::from_le_bytes(eight) as f32)
                .collect()
        }
        kind => {
            let halves = data
                .as_chunks()
                .0
                .iter()
                .map(|&two| u16::from_le_bytes(two));
            if kind == "BF16" {
                return halves
                    .map(|half| f32::from_bits(u32::from(half) << 16))
                    .collect();
            }
            let halves: Vec<u16> = halves.collect();
            let mut values = vec![0f32; halves.len()];
            widen_halves(&halves, &mut values);
            values
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fvecs(rows: &[&[f32]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for row in rows {
            bytes.extend((row.len() as i32).to_le_bytes());
            bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes
    }

    fn safetensors(header: &Json, data: &[u8]) -> Vec<u8> {
        let header = header.to_string();
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn fvecs_come_row_by_row() {
        let found = ImportedVectors::from_fvecs(&fvecs(&[&[1.0, -2.0], &[0.5, 3.0]])).unwrap();
        assert_eq!(
            (found.values, found.dimension),
            (vec![1.0, -2.0, 0.5, 3.0], 2)
        );
        let whole = fvecs(&[&[1.0, 2.0], &[3.0, 4.0]]);
        for bad in [
            &[][..],
            &[1, 0, 0],
            &whole[..whole.len() - 1],
            &fvecs(&[&[1.0], &[1.0, 2.0, 3.0]]),
            &fvecs(&[&[1.0, 2.0], &[1.0, 2.0, 3.0], &[4.0]]),
            &fvecs(&[&[]]),
            &(-1i32).to_le_bytes(),
            &i32::MAX.to_le_bytes(),
        ] {
            let error = ImportedVectors::from_fvecs(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidVector, "{bad:?}");
        }
    }

    #[test]
    fn tensors_of_every_type_are_read() {
        let bytes = |values: &[u16]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        for (kind, data) in [
            (
                "F32",
                [1.5f32, -2.0]
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect(),
            ),
            (
                "F64",
                [1.5f64, -2.0]
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect(),
            ),
            ("F16", bytes(&[0x3e00, 0xc000])),
            ("BF16", bytes(&[0x3fc0, 0xc000])),
        ] {
            let data: Vec<u8> = data;
            let end = 3 + data.len();
            let header = json!({
                "__metadata__": {"shape": [1, 1]},
                "bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                "w": {"dtype": kind, "shape": [1, 2], "data_offsets": [3, end]},
            });
            let file = safetensors(&header, &[&[0; 3][..], &data].concat());
            for name in [None, Some("w")] {
                let found = ImportedVectors::from_safetensors(&file, name).unwrap();
                assert_eq!(
                    (found.values, found.dimension),
                    (vec![1.5, -2.0], 2),
                    "{kind}"
                );
            }
            let cut = ImportedVectors::from_safetensors(&file[..file.len() - 1], None);
            assert_eq!(cut.unwrap_err().kind(), ErrorKind::InvalidVector);
            for name in ["bias", "__metadata__", "x"] {
                assert!(
                    ImportedVectors::from_safetensors(&file, Some(name)).is_err(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn forged_headers_are_refused() {
        let tensor = |field: &str, value: Json| {
            let mut tensor = json!({"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]});
            tensor[field] = value;
            safetensors(&json!({"w": tensor}), &[0; 8])
        };
        assert!(ImportedVectors::from_safetensors(&tensor("x", json!(1)), None).is_ok());
        for bad in [
            tensor("shape", json!([1u64 << 33, 1u64 << 33])),
            tensor("shape", json!([2, 0])),
            tensor("shape", json!([-2, -1])),
            tensor("shape", json!([2, 70_000])),
            tensor("shape", json!("2")),
            tensor("dtype", json!("I64")),
            tensor("data_offsets", json!([8, 0])),
            tensor("data_offsets", json!([4, 12])),
            tensor("data_offsets", json!([0, 4])),
            tensor("data_offsets", json!([u64::MAX - 7, u64::MAX])),
            tensor("data_offsets", json!(null)),
            safetensors(&json!([]), &[]),
            vec![1, 2, 3],
            u64::MAX.to_le_bytes().to_vec(),
            [&9u64.to_le_bytes()[..], b"{}"].concat(),
            [&2u64.to_le_bytes()[..], b"{]"].concat(),
        ] {
            let error = ImportedVectors::from_safetensors(&bad, Some("w")).unwrap_err();
            let kind = error.kind();
            assert!(
                kind == ErrorKind::InvalidVector || kind == ErrorKind::InvalidArgument,
                "{error}"
            );
        }
        let two = json!({
            "a": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]},
            "b": {"dtype": "F32", "shape": [1, 1], "data_offsets": [4, 8]},
        });
        let error = ImportedVectors::from_safetensors(&safetensors(&two, &[0; 8]), None);
        assert!(error.unwrap_err().to_string().contains("a, b"));
    }
}
