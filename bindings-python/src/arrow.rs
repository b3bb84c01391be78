//! Arrow data through the PyCapsule interface: pyarrow, polars, pandas, DuckDB, and whatever else
//! has `__arrow_c_stream__` or `__arrow_c_array__`.
//!
//! The one file of this crate with `unsafe`: a capsule holds a raw pointer by contract
//! (<https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>).
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]
#![expect(
    unsafe_code,
    reason = "the Arrow C data interface hands over raw pointers"
)]

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, RecordBatchIterator,
    RecordBatchReader, StringArray, StructArray, TimestampMillisecondArray, UInt32Array,
    make_array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use tastemaker::ErrorKind;
use tastemaker::experiment::log::{MISSING, Table, Values};
use tastemaker::json::{Map, Value};

use crate::builder::Builder;
use crate::column::Column;
use crate::error::invalid;
use crate::time::Unit;

/// Reads a table (a stream of struct arrays) as a dictionary from column name to column; only the
/// columns in `names` where that is given.
#[pyfunction]
#[pyo3(signature = (table, names=None))]
pub(crate) fn read_arrow<'py>(
    py: Python<'py>,
    table: &Bound<'py, PyAny>,
    names: Option<Vec<String>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (found, batches) = batches_of(table)?;
    let columns = PyDict::new(py);
    for (index, name) in found.iter().enumerate() {
        if names.as_ref().is_some_and(|names| !names.contains(name)) {
            continue;
        }
        let refuse = |why: String| {
            let message = format!("column {name:?}: {why}");
            invalid(py, ErrorKind::InvalidArgument, message)
        };
        if columns.contains(name)? {
            return Err(refuse("it is there more than once".to_owned()));
        }
        let column = py.detach(|| {
            let mut builder = Builder::default();
            for batch in &batches {
                append(&mut builder, batch.column(index))?;
            }
            Ok(builder.finish())
        });
        columns.set_item(name, Bound::new(py, column.map_err(refuse)?)?)?;
    }
    Ok(columns)
}

/// Reads a table of one column of lists of numbers as a matrix of 32-bit floats.
#[pyfunction]
pub(crate) fn read_arrow_vectors<'py>(
    py: Python<'py>,
    name: &str,
    table: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (found, batches) = batches_of(table)?;
    if found.len() != 1 {
        let message = format!("{name} has {} Arrow columns; it is one column", found.len());
        return Err(invalid(py, ErrorKind::InvalidArgument, message));
    }
    let flat = py.detach(|| {
        let mut vectors = Rows::default();
        for batch in &batches {
            vectors.append(batch.column(0))?;
        }
        Ok(vectors)
    });
    let vectors = flat
        .map_err(|why: String| invalid(py, ErrorKind::InvalidVector, format!("{name}: {why}")))?;
    let shape = [vectors.rows, vectors.width.unwrap_or(1)];
    PyArray1::from_vec(py, vectors.flat).reshape(shape)
}

/// Rows of lists, one after the other.
#[derive(Default)]
struct Rows {
    flat: Vec<f32>,
    rows: usize,
    width: Option<usize>,
}

impl Rows {
    fn append(&mut self, array: &ArrayRef) -> Appended {
        match array.data_type() {
            DataType::FixedSizeList(_, width) => {
                let list = array.as_fixed_size_list();
                let width = usize::try_from(*width).unwrap_or(0);
                // All rows lie one after the other: one step for all of them.
                let start = list.value_offset_at(0);
                let values = list.values().slice(start, list.len() * width);
                self.check(array, |_| width)?;
                self.values(&values, list.len())
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                self.check(array, |row| list.value_length(row) as usize)?;
                let ends = list.value_offsets();
                self.between(list.values(), ends.first(), ends.last(), list.len())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                self.check(array, |row| list.value_length(row) as usize)?;
                let ends = list.value_offsets();
                self.between(list.values(), ends.first(), ends.last(), list.len())
            }
            other => Err(format!(
                "the Arrow type {other} holds no vectors; they are lists of numbers"
            )),
        }
    }

    /// Every row is there, and as long as the first.
    fn check(&mut self, array: &ArrayRef, length: impl Fn(usize) -> usize) -> Appended {
        for row in 0..array.len() {
            let number = self.rows + row;
            if array.is_null(row) {
                return Err(format!("row {number} is null"));
            }
            let (own, first) = (length(row), *self.width.get_or_insert(length(row)));
            if own != first {
                return Err(format!("row {number} has {own} values; row 0 has {first}"));
            }
        }
        Ok(())
    }

    fn between<T: Copy + TryInto<usize>>(
        &mut self,
        values: &ArrayRef,
        start: Option<&T>,
        end: Option<&T>,
        rows: usize,
    ) -> Appended {
        let place = |at: Option<&T>| at.and_then(|&at| at.try_into().ok()).unwrap_or(0);
        let (start, end) = (place(start), place(end));
        self.values(&values.slice(start, end.saturating_sub(start)), rows)
    }

    /// The values of `rows` more rows.
    fn values(&mut self, values: &ArrayRef, rows: usize) -> Appended {
        let width = self.width.unwrap_or(1).max(1);
        if let Some(at) = (0..values.len()).find(|&at| values.is_null(at)) {
            let (row, value) = (self.rows + at / width, at % width);
            return Err(format!("value {value} of row {row} is null"));
        }
        let flat = &mut self.flat;
        match values.data_type() {
            DataType::Float16 => extend::<Float16Type>(
                flat,
                values,
                <Float16Type as ArrowPrimitiveType>::Native::to_f32,
            ),
            DataType::Float32 => {
                flat.extend_from_slice(values.as_primitive::<Float32Type>().values());
            }
            DataType::Float64 => extend::<Float64Type>(flat, values, |v| v as f32),
            DataType::Int8 => extend::<Int8Type>(flat, values, f32::from),
            DataType::Int16 => extend::<Int16Type>(flat, values, f32::from),
            DataType::Int32 => extend::<Int32Type>(flat, values, |v| v as f32),
            DataType::Int64 => extend::<Int64Type>(flat, values, |v| v as f32),
            DataType::UInt8 => extend::<UInt8Type>(flat, values, f32::from),
            other => return Err(format!("lists of {other}; vectors are lists of numbers")),
        }
        self.rows += rows;
        Ok(())
    }
}

fn extend<T: ArrowPrimitiveType>(
    flat: &mut Vec<f32>,
    values: &ArrayRef,
    convert: impl Fn(T::Native) -> f32,
) {
    let values = values.as_primitive::<T>().values();
    flat.extend(values.iter().map(|&value| convert(value)));
}

fn batches_of(table: &Bound<'_, PyAny>) -> PyResult<(Vec<String>, Vec<RecordBatch>)> {
    if table.hasattr("__arrow_c_stream__")? {
        stream_batches(table)
    } else {
        array_batch(table)
    }
}

fn failed(error: &ArrowError) -> PyErr {
    PyTypeError::new_err(format!("the Arrow data cannot be read: {error}"))
}

fn capsule<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyCapsule>> {
    object
        .cast::<PyCapsule>()
        .cloned()
        .map_err(|_| PyTypeError::new_err("the Arrow method did not return a capsule"))
}

/// The pointer in a capsule of this name.
fn pointer<T>(capsule: &Bound<'_, PyCapsule>, name: &CStr) -> PyResult<*mut T> {
    Ok(capsule.pointer_checked(Some(name))?.cast::<T>().as_ptr())
}

fn stream_batches(table: &Bound<'_, PyAny>) -> PyResult<(Vec<String>, Vec<RecordBatch>)> {
    let capsule = capsule(&table.call_method0("__arrow_c_stream__")?)?;
    let stream = pointer::<FFI_ArrowArrayStream>(&capsule, c"arrow_array_stream")?;
    // SAFETY: a capsule named "arrow_array_stream" holds a valid ArrowArrayStream. `from_raw`
    // moves it out and leaves a released one, so that the capsule's destructor does nothing.
    let reader =
        unsafe { RecordBatchStreamReader::from_raw(stream) }.map_err(|error| failed(&error))?;
    let names = reader
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let batches = reader
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    Ok((names, batches))
}

fn array_batch(table: &Bound<'_, PyAny>) -> PyResult<(Vec<String>, Vec<RecordBatch>)> {
    let pair = table.call_method0("__arrow_c_array__")?;
    let (schema, array) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    let (schema, array) = (capsule(&schema)?, capsule(&array)?);
    let schema = pointer::<FFI_ArrowSchema>(&schema, c"arrow_schema")?;
    let array = pointer::<FFI_ArrowArray>(&array, c"arrow_array")?;
    // SAFETY: the capsules' names say that these point to a valid ArrowSchema, which is only
    // read while its capsule lives, and to a valid ArrowArray, which is moved out.
    let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array), &*schema) }
        .map_err(|error| failed(&error))?;
    let array = make_array(data);
    let Some(rows) = array.as_struct_opt() else {
        return Err(PyTypeError::new_err(
            "the Arrow array is not a table: its type is not struct",
        ));
    };
    let names = rows
        .column_names()
        .iter()
        .map(|&name| name.to_owned())
        .collect();
    Ok((names, vec![RecordBatch::from(rows)]))
}

/// A table of the core as a capsule named "arrow_array_stream".
pub(crate) fn stream<'py>(py: Python<'py>, table: Table) -> PyResult<Bound<'py, PyCapsule>> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for column in table.columns {
        let values: ArrayRef = match column.values {
            Values::Text { codes, texts } => {
                let keys: Int32Array = codes.iter().map(|&code| i32::try_from(code).ok()).collect();
                let texts: StringArray = texts.iter().map(Some).collect();
                let coded = DictionaryArray::try_new(keys, Arc::new(texts));
                Arc::new(coded.map_err(|error| failed(&error))?)
            }
            Values::Time(values) => {
                Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC"))
            }
            Values::Number(values) => Arc::new(Float64Array::from(values)),
            Values::Whole(values) => {
                let known = |&value: &u32| (value != MISSING).then_some(value);
                Arc::new(values.iter().map(known).collect::<UInt32Array>())
            }
            _ => continue,
        };
        fields.push(Field::new(column.name, values.data_type().clone(), true));
        columns.push(values);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|error| failed(&error))?;
    let reader = RecordBatchIterator::new([Ok(batch)], schema);
    // Dropped with the capsule, unless a reader has moved it out and left a released one.
    let stream = FFI_ArrowArrayStream::new(Box::new(reader));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

type Appended = Result<(), String>;

fn append(builder: &mut Builder, array: &ArrayRef) -> Appended {
    match array.data_type() {
        DataType::Null => each(builder, array, |b, _| b.null()),
        DataType::Boolean => {
            let values = array.as_boolean();
            each(builder, array, |b, row| b.bool(values.value(row)));
        }
        DataType::Int8 => integers::<Int8Type>(builder, array),
        DataType::Int16 => integers::<Int16Type>(builder, array),
        DataType::Int32 => integers::<Int32Type>(builder, array),
        DataType::Int64 => integers::<Int64Type>(builder, array),
        DataType::UInt8 => integers::<UInt8Type>(builder, array),
        DataType::UInt16 => integers::<UInt16Type>(builder, array),
        DataType::UInt32 => integers::<UInt32Type>(builder, array),
        DataType::UInt64 => integers::<UInt64Type>(builder, array),
        DataType::Float16 => primitive::<Float16Type>(builder, array, |b, v| b.float(v.to_f64())),
        DataType::Float32 => primitive::<Float32Type>(builder, array, |b, v| b.float(v.into())),
        DataType::Float64 => primitive::<Float64Type>(builder, array, Builder::float),
        DataType::Decimal128(_, scale) => {
            let unit = (0..scale.unsigned_abs()).fold(1.0, |unit, _| unit * 10.0);
            let unit = if *scale < 0 { 1.0 / unit } else { unit };
            primitive::<Decimal128Type>(builder, array, |b, v| b.float(v as f64 / unit));
        }
        DataType::Date32 => {
            primitive::<Date32Type>(builder, array, |b, v| b.time(i64::from(v) * 86_400_000));
        }
        DataType::Date64 => primitive::<Date64Type>(builder, array, Builder::time),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => times::<TimestampSecondType>(builder, array, Unit::Seconds),
            TimeUnit::Millisecond => {
                times::<TimestampMillisecondType>(builder, array, Unit::Millis);
            }
            TimeUnit::Microsecond => {
                times::<TimestampMicrosecondType>(builder, array, Unit::Micros);
            }
            TimeUnit::Nanosecond => times::<TimestampNanosecondType>(builder, array, Unit::Nanos),
        },
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            each(builder, array, |b, row| b.text(values.value(row)));
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            each(builder, array, |b, row| b.text(values.value(row)));
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            each(builder, array, |b, row| b.text(values.value(row)));
        }
        DataType::Dictionary(key, _) => {
            return match **key {
                DataType::Int8 => dictionary::<Int8Type>(builder, array),
                DataType::Int16 => dictionary::<Int16Type>(builder, array),
                DataType::Int32 => dictionary::<Int32Type>(builder, array),
                DataType::Int64 => dictionary::<Int64Type>(builder, array),
                DataType::UInt8 => dictionary::<UInt8Type>(builder, array),
                DataType::UInt16 => dictionary::<UInt16Type>(builder, array),
                DataType::UInt32 => dictionary::<UInt32Type>(builder, array),
                _ => dictionary::<UInt64Type>(builder, array),
            };
        }
        DataType::List(_) => {
            let values = array.as_list::<i32>();
            return lists(builder, array, |row| values.value(row));
        }
        DataType::LargeList(_) => {
            let values = array.as_list::<i64>();
            return lists(builder, array, |row| values.value(row));
        }
        DataType::FixedSizeList(_, _) => {
            let values = array.as_fixed_size_list();
            return lists(builder, array, |row| values.value(row));
        }
        DataType::Struct(_) => return objects(builder, array.as_struct()),
        other => return Err(format!("the Arrow type {other} is not supported")),
    }
    Ok(())
}

/// Calls `push` for each row that has a value.
fn each(builder: &mut Builder, array: &ArrayRef, mut push: impl FnMut(&mut Builder, usize)) {
    let untyped = *array.data_type() == DataType::Null;
    for row in 0..array.len() {
        if untyped || array.is_null(row) {
            builder.null();
        } else {
            push(builder, row);
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(
    builder: &mut Builder,
    array: &ArrayRef,
    mut push: impl FnMut(&mut Builder, T::Native),
) {
    let values = array.as_primitive::<T>();
    each(builder, array, |b, row| push(b, values.value(row)));
}

fn integers<T: ArrowPrimitiveType>(builder: &mut Builder, array: &ArrayRef)
where
    T::Native: TryInto<i64> + Into<i128> + Copy,
{
    primitive::<T>(builder, array, |b, value| match value.try_into() {
        Ok(value) => b.integer(value),
        Err(_) => b.json(Value::from(u64::try_from(value.into()).unwrap_or(u64::MAX))),
    });
}

fn times<T: ArrowPrimitiveType<Native = i64>>(builder: &mut Builder, array: &ArrayRef, unit: Unit) {
    primitive::<T>(builder, array, |b, value| b.time(unit.millis(value)));
}

fn lists(builder: &mut Builder, array: &ArrayRef, values: impl Fn(usize) -> ArrayRef) -> Appended {
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.null();
        } else {
            builder.json(Value::Array(values_of(&values(row))?));
        }
    }
    Ok(())
}

fn dictionary<K: ArrowDictionaryKeyType>(builder: &mut Builder, array: &ArrayRef) -> Appended {
    let coded = array.as_dictionary::<K>();
    let mut values = Builder::default();
    append(&mut values, coded.values())?;
    let values = values.finish();
    each(builder, array, |b, row| match coded.key(row) {
        Some(key) => b.copy(&values, key),
        None => b.null(),
    });
    Ok(())
}

fn values_of(array: &ArrayRef) -> Result<Vec<Value>, String> {
    let mut builder = Builder::default();
    append(&mut builder, array)?;
    let column = builder.finish();
    Ok((0..column.len()).map(|row| column.value(row)).collect())
}

fn objects(builder: &mut Builder, array: &StructArray) -> Appended {
    let mut fields: Vec<(&str, Column)> = Vec::new();
    for (name, values) in array.column_names().into_iter().zip(array.columns()) {
        let mut field = Builder::default();
        append(&mut field, values)?;
        fields.push((name, field.finish()));
    }
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.null();
        } else {
            let object: Map<_, _> = fields
                .iter()
                .map(|(name, c)| ((*name).to_owned(), c.value(row)))
                .collect();
            builder.json(Value::Object(object));
        }
    }
    Ok(())
}
