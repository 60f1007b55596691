//! What may be shown of a message: names, ids and shapes, never a value.

use serde_json::Value;

/// A message's body without its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Outline {
    /// The event or task, if it names one.
    pub name: Option<String>,
    /// Its own id; empty if it has none.
    pub id: Option<String>,
    /// The keys of `data` or `args` and the JSON type of each, or what is odd about the body.
    pub shape: String,
}

const LONGEST: usize = 100;

impl Outline {
    #[must_use]
    pub fn of(body: &str) -> Self {
        let nothing = |shape: String| Self { name: None, id: None, shape };
        let Ok(value) = serde_json::from_str::<Value>(body) else {
            return nothing(format!("not readable as JSON, {} bytes", body.len()));
        };
        let Value::Object(object) = value else {
            return nothing(format!("{}, not an object", kind(&value)));
        };
        let shape = match object.get("data").or_else(|| object.get("args")) {
            Some(value) => fields(value),
            None => "neither data nor args".to_owned(),
        };
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        Self {
            name: text("event").or_else(|| text("task")).map(plain),
            id: text("id").filter(|id| is_uuid(id)).map(str::to_owned),
            shape,
        }
    }
}

/// The keys of an object and the JSON type of each value.
#[must_use]
pub fn fields(value: &Value) -> String {
    let Value::Object(object) = value else { return format!("{}, not an object", kind(value)) };
    let fields = object.iter().map(|(key, value)| format!("{}: {}", plain(key), kind(value)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What came from outside, on one line and without escape sequences.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What came from outside, fit for a terminal: one line, no escape sequences, not endless.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown: String = one_line(text).chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether it looks like one: 32 hexadecimal digits in five groups.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Seconds as a person says them.
#[must_use]
pub fn age(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_its_keys_and_none_of_its_values() {
        let body = r#"{"event": "user_created", "id": "0190a7d5-0000-7000-8000-000000000001",
            "data": {"email": "ada@example.com", "age": 36, "tags": ["secret"], "address": {"city": "Paris"}, "phone": null, "ok": true}}"#;
        let outline = Outline::of(body);
        assert_eq!(outline.name.as_deref(), Some("user_created"));
        assert_eq!(outline.id.as_deref(), Some("0190a7d5-0000-7000-8000-000000000001"));
        assert_eq!(
            outline.shape,
            "{address: object, age: number, email: string, ok: boolean, phone: null, tags: array}"
        );
    }

    #[test]
    fn what_is_no_message_is_described_and_not_quoted() {
        for (body, shape) in [
            ("ada@example.com", "not readable as JSON, 15 bytes"),
            ("[\"ada@example.com\"]", "array, not an object"),
            ("{\"task\": \"t\", \"args\": \"ada@example.com\"}", "string, not an object"),
            ("{}", "neither data nor args"),
        ] {
            assert_eq!(Outline::of(body).shape, shape);
        }
        // An invalid id may be any text.
        assert_eq!(Outline::of(r#"{"task": "t", "id": "ada@example.com"}"#).id, None);
    }

    #[test]
    fn a_name_cannot_take_over_the_terminal() {
        let name = Outline::of(&format!(r#"{{"task": "\u001b[2J{}"}}"#, "x".repeat(500))).name;
        let name = name.expect("a name");
        assert!(!name.contains('\u{1b}') && name.chars().count() == LONGEST + 1, "{name}");
    }
}
