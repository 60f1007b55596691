//! How large JSON is where it is stored.

use serde_json::{Number, Value};

/// Returns how many bytes the value has as Postgres writes `jsonb`: it writes every digit of a number,
/// so `1e300` has 301 of them. Its spaces behind colons and commas are not counted.
pub fn stored_bytes(value: &Value) -> usize {
    value.to_string().len() + extra(value)
}

fn extra(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(extra).sum(),
        Value::Object(map) => map.values().map(extra).sum(),
        Value::Number(number) => expanded(number),
        Value::Null | Value::Bool(_) | Value::String(_) => 0,
    }
}

/// Returns how much longer a number is without its exponent.
fn expanded(number: &Number) -> usize {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return 0 };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // One digit stands before the point, so each step of the exponent is a zero or takes a digit's place.
    (mantissa.len() + exponent.unsigned_abs() as usize + 1).saturating_sub(text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_counts_with_all_its_digits() {
        assert_eq!(
            stored_bytes(&json!({ "a": [1, 2.5, null, "1e300"] })),
            r#"{"a":[1,2.5,null,"1e300"]}"#.len()
        );
        for (number, digits) in
            [(1e300, 301), (-1e300, 302), (1e-300, 302), (1.5e300, 301), (1.5e-7, 10), (0.1, 3)]
        {
            let counted = stored_bytes(&json!(number));
            assert!((digits..=digits + 3).contains(&counted), "{number}: {counted}, not {digits}");
        }
    }
}
