use super::*;

fn bytes(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn signed(len: usize, seed: u32) -> Vec<i8> {
    bytes(len, seed)
        .into_iter()
        .map(|byte| byte as i8)
        .collect()
}

/// The definition; the padding of a row is not looked at.
fn defined(query: &[i8], codes: &[u8], row: usize) -> i32 {
    let stride = byte_stride(query.len());
    let row = codes.get(row * stride..(row + 1) * stride).unwrap_or(&[]);
    let pairs = query.iter().zip(row);
    let sum: i64 = pairs
        .map(|(&q, &c)| i64::from(q) * (i64::from(c) - 128))
        .sum();
    sum as i32
}

const WIDTHS: [usize; 9] = [1, 10, 50, 63, 64, 65, 128, 200, 1536];

#[test]
fn every_copy_is_exact() {
    for width in WIDTHS {
        let (values, codes) = (signed(width, 1), bytes(9 * byte_stride(width), 2));
        let rows = ByteRows::new(&codes, width).unwrap();
        let query = ByteQuery::new(&values);
        let ids = [3u32, 0, 8, 8, 1, 77, 2, 5, 4, 6, 7, u32::MAX, 3];
        let expected = ids.map(|id| defined(&values, &codes, (id as usize).min(99)));
        for copy in [
            byte_dots,
            byte_dots::portable,
            byte_dots::narrow,
            byte_dots_asked,
            byte_dots_asked::portable,
            byte_dots_asked::narrow,
        ] {
            let mut out = [9; 13];
            copy(&query, rows, &ids, &mut out);
            assert_eq!(out, expected, "width {width}");
            // Fewer results, and fewer ids: as many as both have.
            let mut out = [9; 6];
            copy(&query, rows, &ids, &mut out);
            assert_eq!(out[..], expected[..6], "width {width}");
            let mut out = [9; 16];
            copy(&query, rows, &ids[..5], &mut out);
            assert_eq!(out[..5], expected[..5], "width {width}");
        }
        let expected: Vec<i32> = (0..11).map(|row| defined(&values, &codes, row)).collect();
        for copy in [
            byte_dots_block,
            byte_dots_block::portable,
            byte_dots_block::narrow,
        ] {
            let mut out = [9; 11];
            copy(&query, rows, &mut out);
            assert_eq!(out.as_slice(), expected, "width {width}");
            let mut out = [9; 3];
            copy(&query, rows.block(7, 9), &mut out);
            assert_eq!(out, [expected[7], expected[8], 0]);
            let mut out = [9; 6];
            copy(&query, rows, &mut out);
            assert_eq!(out[..], expected[..6], "width {width}");
        }
    }
}

#[test]
fn a_batch_is_its_queries() {
    for width in WIDTHS {
        for (count, queries) in [(9, 8), (8, 1), (1, 3), (5, 5), (6, 10), (150, 3)] {
            let codes = bytes(count * byte_stride(width), 7);
            let rows = ByteRows::new(&codes, width).unwrap();
            let values: Vec<Vec<i8>> = (0..queries).map(|q| signed(width, 20 + q)).collect();
            let prepared: Vec<ByteQuery> = values.iter().map(|v| ByteQuery::new(v)).collect();
            let prepared: Vec<&ByteQuery> = prepared.iter().collect();
            let mut expected = Vec::new();
            for values in values.iter().take(MOST_BYTE_QUERIES) {
                expected.extend((0..count).map(|row| defined(values, &codes, row)));
            }
            for copy in [
                byte_dots_batch,
                byte_dots_batch::portable,
                byte_dots_batch::narrow,
            ] {
                let mut out = vec![9; expected.len() + 2];
                copy(&prepared, rows, &mut out);
                assert_eq!(out[..expected.len()], expected, "{width} {count} {queries}");
                assert_eq!(out[expected.len()..], [9, 9]);
                copy(&prepared, rows, &mut out[..1]);
            }
        }
    }
}

#[test]
fn the_largest_vectors_do_not_wrap() {
    let codes = [vec![0u8; MOST_BYTES], vec![255; MOST_BYTES]].concat();
    let rows = ByteRows::new(&codes, MOST_BYTES).unwrap();
    for (value, expected) in [
        (-128, [128 * 128 * 65_536, -128 * 127 * 65_536]),
        (127, [-127 * 128 * 65_536, 127 * 127 * 65_536]),
    ] {
        let query = ByteQuery::new(&vec![value; MOST_BYTES]);
        for copy in [
            byte_dots_block,
            byte_dots_block::portable,
            byte_dots_block::narrow,
        ] {
            let mut out = [9; 2];
            copy(&query, rows, &mut out);
            assert_eq!(out, expected);
        }
        for copy in [
            byte_dots_batch,
            byte_dots_batch::portable,
            byte_dots_batch::narrow,
        ] {
            let mut out = [9; 2];
            copy(&[&query], rows, &mut out);
            assert_eq!(out, expected);
        }
    }
}

#[test]
fn rows_multiply_each_other() {
    let codes = bytes(3 * 128, 5);
    let rows = ByteRows::new(&codes, 100).unwrap();
    let mut query = ByteQuery::new(&signed(500, 1));
    query.set_row(rows.row(1), 100);
    let values: Vec<i8> = rows.row(1)[..100]
        .iter()
        .map(|&c| (c ^ 128) as i8)
        .collect();
    assert_eq!(query, ByteQuery::new(&values));
    let mut out = [9; 3];
    byte_dots(&query, rows, &[0, 1, 2], &mut out);
    assert_eq!(out, [0, 1, 2].map(|row| defined(&values, &codes, row)));
    rows.prefetch(1);
    rows.prefetch(3);
    rows.prefetch_all(&[2, 0, 3, u32::MAX]);
}

#[test]
fn what_does_not_fit_gives_nothing() {
    for (len, values) in [
        (64, 0),
        (63, 10),
        (128, 65),
        (192, 65),
        (64, MOST_BYTES + 1),
    ] {
        assert_eq!(
            ByteRows::new(&vec![0; len], values).is_some(),
            (len, values) == (128, 65)
        );
    }
    let codes = [200u8; 2 * 64];
    let rows = ByteRows::new(&codes, 64).unwrap();
    let (long, short) = (ByteQuery::new(&[1; 65]), ByteQuery::default());
    for query in [&long, &short] {
        let mut out = [9; 2];
        byte_dots(query, rows, &[0, 1], &mut out);
        assert_eq!(out, [0, 0]);
        byte_dots_block(query, rows, &mut out);
        assert_eq!(out, [0, 0]);
    }
    let mut out = [9; 6];
    byte_dots_batch(&[&long, &short, &ByteQuery::new(&[1; 3])], rows, &mut out);
    assert_eq!(out, [0, 0, 0, 0, 216, 216]);
    assert!(rows.row(2).is_empty() && rows.block(2, 1).is_empty() && rows.len() == 2);
    assert_eq!(
        ByteQuery::new(&vec![1; MOST_BYTES + 1]),
        ByteQuery::new(&vec![1; MOST_BYTES])
    );
}
