//! The files of `events/`, and small changes to them.

use serde_json::{Value, json};

use crate::interfaces::http::Invocation;

/// The invocation that delivers an event in tests. Like the emulator, it brings no trace.
pub const INVOCATION: Invocation<'static> = Invocation { id: "invocation-1", trace: None };

/// A sample event; `to_string` gives what Lambda would hand over.
#[derive(Debug, Clone)]
pub struct Event(pub Value);

/// Reads `events/<name>.json`.
pub fn event(name: &str) -> Event {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Event(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
}

impl Event {
    #[must_use]
    pub fn body(mut self, body: &Value) -> Self {
        self.0["body"] = json!(body.to_string());
        self
    }

    /// A body that need not be JSON.
    #[must_use]
    pub fn raw_body(mut self, body: &str) -> Self {
        self.0["body"] = json!(body);
        self
    }

    /// Sets a header in both of the event's forms, or takes it away.
    #[must_use]
    pub fn header(self, name: &str, value: Option<&str>) -> Self {
        self.header_values(name, value.as_slice())
    }

    /// The same for one that was sent several times: one form has all values, the other the last.
    #[must_use]
    pub fn header_values(mut self, name: &str, values: &[&str]) -> Self {
        for (form, value) in [("headers", json!(values.last())), ("multiValueHeaders", json!(values))] {
            if let Some(headers) = self.0[form].as_object_mut() {
                headers.retain(|key, _| !key.eq_ignore_ascii_case(name));
                if !values.is_empty() {
                    headers.insert(name.to_owned(), value);
                }
            }
        }
        self
    }

    /// Sets the decoded parameters of the query string, in both forms.
    #[must_use]
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let (mut last, mut all) = (json!({}), json!({}));
        for (key, value) in pairs {
            last[key] = json!(value);
            match all[key].as_array_mut() {
                Some(values) => values.push(json!(value)),
                None => all[key] = json!([value]),
            }
        }
        self.0["queryStringParameters"] = last;
        self.0["multiValueQueryStringParameters"] = all;
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", Some(&format!("Bearer {token}")))
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
