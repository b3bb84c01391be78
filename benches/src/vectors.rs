//! Sets of vectors for nearest-neighbour figures: read or made, with the true neighbours of
//! their queries by brute force, and kept as `.npy` files that peers read as well.

use std::path::{Path, PathBuf};

use crate::Failure;

/// Neighbours that a figure asks for.
pub const K: usize = 10;
/// Dimensions of the subspace that clusters spread in, see [`VectorSet::clustered`].
const LATENT: usize = 24;

/// A flat array with its shape, as `.npy` files have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Row by row.
    pub values: Vec<f32>,
    /// Values of a row.
    pub width: usize,
}

impl Matrix {
    /// Reads a two-dimensional little-endian `f32` file in C order.
    ///
    /// # Errors
    /// When it cannot be read or has another form.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let (shape, body) = npy(file, "<f4")?;
        let [_, width] = shape[..] else {
            return Err(format!("{}: not two-dimensional", file.display()).into());
        };
        let values = body
            .as_chunks::<4>()
            .0
            .iter()
            .copied()
            .map(f32::from_le_bytes);
        Ok(Self {
            values: values.collect(),
            width,
        })
    }

    /// Writes such a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let body: Vec<u8> = self
            .values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        write_npy(file, "<f4", &[self.rows(), self.width], &body)
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// A row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// The first rows.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let values = self.values[..rows.min(self.rows()) * self.width].to_vec();
        Self {
            values,
            width: self.width,
        }
    }
}

/// The shape and the body of an `.npy` file of version 1 with these values, in C order.
fn npy(file: &Path, kind: &str) -> Result<(Vec<usize>, Vec<u8>), Failure> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let wrong = || format!("{}: not an .npy file of {kind}", file.display());
    let length = bytes.get(8..10).ok_or_else(wrong)?;
    let start = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let header = bytes.get(10..start).ok_or_else(wrong)?;
    let header = std::str::from_utf8(header)?;
    if !bytes.starts_with(b"\x93NUMPY\x01") || !header.contains(kind) || header.contains("True") {
        return Err(wrong().into());
    }
    let shape = header.split(['(', ')']).nth(1).ok_or_else(wrong)?;
    let shape: Result<Vec<usize>, _> = shape
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect();
    Ok((shape?, bytes[start..].to_vec()))
}

fn write_npy(file: &Path, kind: &str, shape: &[usize], body: &[u8]) -> Result<(), Failure> {
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len())?.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    Ok(std::fs::write(file, bytes)?)
}

/// Writes numbers of rows, [`K`] a query, as `int64`.
///
/// # Errors
/// When it cannot be written.
pub fn write_rows(file: &Path, rows: &[u32], width: usize) -> Result<(), Failure> {
    let body: Vec<u8> = rows
        .iter()
        .flat_map(|&row| i64::from(row).to_le_bytes())
        .collect();
    write_npy(file, "<i8", &[rows.len() / width, width], &body)
}

/// Writes which rows are allowed, a byte each.
///
/// # Errors
/// When it cannot be written.
pub fn write_mask(file: &Path, mask: &[bool]) -> Result<(), Failure> {
    let body: Vec<u8> = mask.iter().map(|&allowed| u8::from(allowed)).collect();
    write_npy(file, "|b1", &[mask.len()], &body)
}

/// Vectors of length 1, queries, and the [`K`] true neighbours of each by inner product.
#[derive(Clone, Debug)]
pub struct VectorSet {
    /// Its name in the figures.
    pub name: String,
    /// The vectors.
    pub base: Matrix,
    /// The queries.
    pub queries: Matrix,
    /// Rows of `base`, [`K`] a query.
    pub truth: Vec<u32>,
    /// Where its files lie: `base.npy`, `queries.npy`, `truth.npy`.
    pub folder: PathBuf,
}

impl VectorSet {
    /// A set of files, `base.npy`, `queries.npy` and `neighbors.npy`, whose true neighbours are
    /// found again by brute force.
    ///
    /// # Errors
    /// When a file is missing or malformed.
    pub fn read(data: &Path, name: &str, scratch: &Path) -> Result<Self, Failure> {
        let folder = data.join(name);
        let base = Matrix::read(&folder.join("base.npy"))?;
        let queries = Matrix::read(&folder.join("queries.npy"))?;
        Self::keep(name, base, queries, scratch)
    }

    /// A made set: `clusters` centres, and vectors that spread around them in a subspace of 24
    /// dimensions that all share, with a little noise in all. Everything comes from a hash of
    /// its place.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn clustered(
        name: &str,
        (rows, width): (usize, usize),
        clusters: u64,
        queries: usize,
        scratch: &Path,
    ) -> Result<Self, Failure> {
        let shape = Shape::new(width, clusters);
        let base = shape.matrix(rows, 1);
        let queries = shape.matrix(queries, 2);
        Self::keep(name, base, queries, scratch)
    }

    fn keep(name: &str, base: Matrix, queries: Matrix, scratch: &Path) -> Result<Self, Failure> {
        let folder = scratch.join("ann").join(name);
        std::fs::create_dir_all(&folder)?;
        let truth = nearest(&base, &queries, None);
        base.write(&folder.join("base.npy"))?;
        queries.write(&folder.join("queries.npy"))?;
        write_rows(&folder.join("truth.npy"), &truth, K)?;
        Ok(Self {
            name: name.to_owned(),
            base,
            queries,
            truth,
            folder,
        })
    }
}

/// The centres and the subspace of a made set.
struct Shape {
    width: usize,
    clusters: u64,
    basis: Vec<f32>,
}

impl Shape {
    fn new(width: usize, clusters: u64) -> Self {
        let scale = 1.0 / (LATENT as f32).sqrt();
        let basis = (0..(LATENT * width) as u64)
            .map(|at| normal(3, at, 0) * scale)
            .collect();
        Self {
            width,
            clusters,
            basis,
        }
    }

    fn matrix(&self, rows: usize, seed: u64) -> Matrix {
        let mut values = vec![0f32; rows * self.width];
        in_parallel(&mut values, self.width, |row, out| {
            self.row(seed, row as u64, out);
        });
        Matrix {
            values,
            width: self.width,
        }
    }

    fn row(&self, seed: u64, row: u64, out: &mut [f32]) {
        let cluster = hash(seed, row, u64::MAX) % self.clusters;
        for (at, value) in out.iter_mut().enumerate() {
            *value = normal(0, cluster, at as u64) + 0.2 * normal(seed, row, at as u64);
        }
        for (latent, basis) in self.basis.chunks(self.width).enumerate() {
            let weight = normal(seed, row, (self.width + latent) as u64);
            for (value, basis) in out.iter_mut().zip(basis) {
                *value += weight * basis;
            }
        }
        let length = out.iter().map(|value| value * value).sum::<f32>().sqrt();
        for value in out {
            *value /= length;
        }
    }
}

/// SplitMix64 of three numbers.
#[must_use]
pub fn hash(seed: u64, row: u64, at: u64) -> u64 {
    let mut z = seed
        .wrapping_mul(0xd1b5_4a32_d192_ed03)
        .wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add(at.wrapping_mul(0x8cb9_2ba7_2f3d_8dd7));
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        z = (z ^ z >> 30).wrapping_mul(factor);
        z ^= z >> 27;
    }
    z ^ z >> 31
}

/// Nearly normal, with variance 1: the sum of four uniform numbers.
fn normal(seed: u64, row: u64, at: u64) -> f32 {
    let bits = hash(seed, row, at);
    let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xffff).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
}

/// Fills rows on all cores.
fn in_parallel<T: Send>(out: &mut [T], width: usize, fill: impl Fn(usize, &mut [T]) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rows = (out.len() / width.max(1)).div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (part, out) in out.chunks_mut(rows * width).enumerate() {
            let fill = &fill;
            scope.spawn(move || {
                for (row, out) in out.chunks_mut(width).enumerate() {
                    fill(part * rows + row, out);
                }
            });
        }
    });
}

/// The [`K`] rows with the largest inner product with each query, by brute force; of those in
/// `allowed`, where it is given. Where there are fewer, `u32::MAX` fills up.
#[must_use]
pub fn nearest(base: &Matrix, queries: &Matrix, allowed: Option<&[bool]>) -> Vec<u32> {
    /// Queries that pass over the vectors together.
    const TOGETHER: usize = 8;
    let groups = queries.rows().div_ceil(TOGETHER);
    let mut truth = vec![u32::MAX; groups * TOGETHER * K];
    in_parallel(&mut truth, TOGETHER * K, |group, out| {
        let first = group * TOGETHER;
        let some: Vec<&[f32]> = (first..queries.rows().min(first + TOGETHER))
            .map(|row| queries.row(row))
            .collect();
        let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::new(); some.len()];
        for row in 0..base.rows() {
            if allowed.is_some_and(|allowed| !allowed[row]) {
                continue;
            }
            let vector = base.row(row);
            for (query, best) in some.iter().zip(&mut best) {
                let score = inner(query, vector);
                if best.len() < K || score > best[K - 1].0 {
                    let at = best.partition_point(|&(other, _)| other >= score);
                    best.insert(at, (score, row as u32));
                    best.truncate(K);
                }
            }
        }
        for (best, out) in best.iter().zip(out.chunks_mut(K)) {
            for ((_, row), to) in best.iter().zip(out) {
                *to = *row;
            }
        }
    });
    truth.truncate(queries.rows() * K);
    truth
}

fn inner(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..16 {
            lanes[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// The share of the true neighbours that were found; the lists have [`K`] rows a query, and
/// `u32::MAX` is no row.
#[must_use]
pub fn recall(found: &[u32], truth: &[u32]) -> f64 {
    let (mut hits, mut all) = (0usize, 0usize);
    for (found, truth) in found.chunks(K).zip(truth.chunks(K)) {
        let truth: Vec<u32> = truth
            .iter()
            .copied()
            .filter(|&row| row != u32::MAX)
            .collect();
        hits += truth.iter().filter(|row| found.contains(row)).count();
        all += truth.len();
    }
    hits as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back() {
        let folder = std::env::temp_dir().join(format!("tastemaker-npy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("x.npy");
        let matrix = Matrix {
            values: vec![1.0, -2.5, 3.0, 4.0, 5.0, 6.0],
            width: 3,
        };
        matrix.write(&file).unwrap();
        assert_eq!(Matrix::read(&file).unwrap(), matrix);
        assert_eq!(std::fs::read(&file).unwrap().len() % 64, 24);
        write_mask(&file, &[true, false]).unwrap();
        assert!(Matrix::read(&file).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_nearest_are_the_nearest() {
        let shape = Shape::new(32, 10);
        let (base, queries) = (shape.matrix(300, 1), shape.matrix(9, 2));
        assert_eq!(base, shape.matrix(300, 1));
        let mask: Vec<bool> = (0..300).map(|row| row % 7 == 0).collect();
        for allowed in [None, Some(&mask[..])] {
            let truth = nearest(&base, &queries, allowed);
            for (q, truth) in truth.chunks(K).enumerate() {
                let score = |row: usize| inner(queries.row(q), base.row(row));
                let mut rows: Vec<usize> = (0..300)
                    .filter(|&row| allowed.is_none_or(|mask| mask[row]))
                    .collect();
                rows.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
                let expected: Vec<u32> = rows[..K].iter().map(|&row| row as u32).collect();
                assert_eq!(truth, expected);
            }
            assert_eq!(recall(&truth, &truth), 1.0);
        }
        let few: Vec<bool> = (0..300).map(|row| row == 5).collect();
        let truth = nearest(&base, &queries, Some(&few));
        assert_eq!(truth[..2], [5, u32::MAX]);
        assert_eq!(recall(&[5; K], &truth[..K]), 1.0);
        let length: f32 = base.row(7).iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}
