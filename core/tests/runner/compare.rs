//! Compares what came out with what a case expects.

use tastemaker::json::Value;

/// What differs, if anything: the keys of `expect` are compared, and under `close` the numbers
/// may differ by `tol`, or by `rel` times the larger of the two.
pub(crate) fn check(expect: &Value, actual: &Value) -> Result<(), String> {
    let mut exact = expect.as_object().expect("an object to expect").clone();
    let close = exact.remove("close");
    if expect.get("error").is_none()
        && let Some(code) = actual.get("error")
    {
        return Err(format!("failed with {code}"));
    }
    same(&Value::Object(exact), actual, "", None)?;
    if let Some(Value::Object(mut close)) = close {
        let number = |t: Option<Value>| t.and_then(|t| t.as_f64());
        let tolerance = match number(close.remove("rel")) {
            Some(rel) => Tolerance::Relative(rel),
            None => Tolerance::Absolute(number(close.remove("tol")).expect("close has a tol")),
        };
        same(&Value::Object(close), actual, "", Some(tolerance))?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Tolerance {
    Absolute(f64),
    Relative(f64),
}

fn same(
    expected: &Value,
    actual: &Value,
    path: &str,
    tolerance: Option<Tolerance>,
) -> Result<(), String> {
    let wrong = || Err(format!("{path} is {actual}, not {expected}"));
    match (expected, actual) {
        (Value::Object(fields), Value::Object(there)) => {
            // The items of a catalog are compared as a whole; all else by the keys given.
            if path == ".items" && fields.len() != there.len() {
                return wrong();
            }
            for (name, value) in fields {
                let at = format!("{path}.{name}");
                match there.get(name) {
                    Some(found) => same(value, found, &at, tolerance)?,
                    None => return Err(format!("{at} is missing")),
                }
            }
            Ok(())
        }
        (Value::Array(list), Value::Array(there)) => {
            if list.len() != there.len() {
                return wrong();
            }
            list.iter()
                .zip(there)
                .enumerate()
                .try_for_each(|(i, (a, b))| same(a, b, &format!("{path}[{i}]"), tolerance))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let equal = match tolerance {
                Some(Tolerance::Absolute(t)) => (a - b).abs() <= t,
                Some(Tolerance::Relative(t)) => (a - b).abs() <= t * a.abs().max(b.abs()),
                None => a.to_bits() == b.to_bits(),
            };
            if equal { Ok(()) } else { wrong() }
        }
        _ if expected == actual => Ok(()),
        _ => wrong(),
    }
}

#[test]
fn a_difference_shows() {
    use tastemaker::json::json;
    let actual = json!({"a": 1, "b": [1.0, {"c": "x", "d": null}]});
    for good in [
        json!({"a": 1.0}),
        json!({"b": [1, {"c": "x"}]}),
        json!({"close": {"a": 1.05, "tol": 0.1}}),
        json!({"close": {"a": 1.05, "rel": 0.05}}),
    ] {
        assert_eq!(check(&good, &actual), Ok(()), "{good}");
    }
    for bad in [
        json!({"a": 1.000_000_000_000_000_2}),
        json!({"e": 1}),
        json!({"b": [1]}),
        json!({"b": [1, {"c": null}]}),
        json!({"close": {"a": 1.2, "tol": 0.1}}),
        json!({"close": {"a": 1.2, "rel": 0.1}}),
        json!({"error": "io"}),
    ] {
        assert!(check(&bad, &actual).is_err(), "{bad}");
    }
    assert!(check(&json!({"a": 1}), &json!({"error": "io", "a": 1})).is_err());
}
