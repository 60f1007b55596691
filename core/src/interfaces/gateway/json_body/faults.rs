//! Finds all faults of a body. Serde stops at the first fault, so this module removes the faulty part and reads
//! the body again until there are no more faults. A valid body costs nothing extra.

use std::collections::HashSet;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, error::Category};
use serde_path_to_error::{Path, Segment};

use super::valid_fields::{Rules, ValidFields};
use crate::domain::{Detail, Error};

/// The maximum number of faults in an error. Each fault needs another reading of the body.
const MAX_FAULTS: usize = 20;
/// For a longer body, the error names only the first fault. A parsed body can need a hundred times its length
/// in memory, which the smallest functions do not have.
const MAX_BYTES: usize = 64 * 1024;

type PathError = serde_path_to_error::Error<serde_json::Error>;

/// Returns the error of a body whose first fault is `first`.
pub(super) fn all<T: DeserializeOwned>(
    bytes: &[u8],
    required: &[&str],
    rules: Rules<'_>,
    first: &PathError,
) -> Error {
    if first.inner().classify() != Category::Data {
        return malformed(first.inner());
    }
    let mut details = vec![detail(first)];
    // After the first fault, the rest of the body may not be valid JSON.
    if bytes.len() > MAX_BYTES {
        let rest = serde_json::from_slice::<IgnoredAny>(bytes);
        return rest.map_or_else(|error| malformed(&error), |_| Error::Validation(details));
    }
    let fields = match serde_json::from_slice(bytes) {
        Ok(Fields(fields)) => fields,
        Err(error) => return malformed(&error),
    };
    let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    let mut body = Value::Object(fields.into_iter().collect::<Map<_, _>>());
    let mut removed = Vec::new();
    for _ in 0..MAX_FAULTS {
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&body) else { break };
        let detail = detail(&error);
        // A part that was removed for its fault is now missing. This is not a second fault.
        let is_taken_out = detail.reason == "required" && removed.contains(&detail.key);
        if !is_taken_out && !details.contains(&detail) {
            details.push(detail);
        }
        let Some(path) = remove(&mut body, error.path()) else { break };
        removed.push(path);
    }
    match rules(&ValidFields(body)) {
        Ok(()) => {}
        Err(Error::Validation(broken)) => details.extend(broken),
        Err(other) => return other,
    }
    for missing in required.iter().filter(|required| !names.iter().any(|name| name == *required)) {
        let missing = Detail::new(missing, "required");
        if !details.contains(&missing) {
            details.push(missing);
        }
    }
    let mut seen = HashSet::new();
    for name in names.iter().filter(|name| !seen.insert(name.as_str())).take(MAX_FAULTS) {
        let twice = Detail::new(name.as_str(), "duplicate");
        let is_unknown = details.contains(&Detail { reason: "unknown".into(), ..twice.clone() });
        if !is_unknown && !details.contains(&twice) {
            details.push(twice);
        }
    }
    details.truncate(MAX_FAULTS);
    Error::Validation(details)
}

fn malformed(error: &serde_json::Error) -> Error {
    let place = format!("at line {} column {}", error.line(), error.column());
    Error::Malformed(format!("the body is not valid JSON, {place}").into())
}

/// Removes the value at the path, or the list that contains it. Returns the path of the removed value.
fn remove(body: &mut Value, path: &Path) -> Option<String> {
    let keys = path.iter().map_while(|segment| match segment {
        Segment::Map { key } => Some(key.as_str()),
        Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
    });
    let keys: Vec<&str> = keys.collect();
    let (last, parents) = keys.split_last()?;
    let parent = parents.iter().try_fold(body, |place, key| place.get_mut(*key))?;
    parent.as_object_mut()?.remove(*last)?;
    Some(keys.join("."))
}

/// Returns the key and the reason of one fault of a body that is valid JSON.
fn detail(error: &PathError) -> Detail {
    let path = error.path().to_string();
    let text = error.inner().to_string();
    // The texts come from the methods of serde's `de::Error`. They can quote a submitted value, so only one of
    // our reasons is returned. A test checks each text.
    let quoted = |prefix: &str| Some(text.strip_prefix(prefix)?.split_once('`')?.0.to_owned());
    if let Some(field) = quoted("missing field `") {
        return Detail::new(join(&path, &field), "required");
    }
    if text.starts_with("unknown field `") {
        return Detail::new(path, "unknown");
    }
    if let Some(field) = quoted("duplicate field `") {
        return Detail::new(join(&path, &field), "duplicate");
    }
    if text.starts_with("invalid type")
        || text.starts_with("invalid value")
        || text.starts_with("unknown variant")
    {
        return Detail::new(path, "type");
    }
    // Anything else is a value object's reason, followed by serde_json's position.
    let word = text.split(" at line ").next().unwrap_or_default();
    let is_word =
        !word.is_empty() && word.len() <= 32 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    Detail::new(path, if is_word { word.to_owned() } else { "invalid".to_owned() })
}

/// Returns the key of a missing field, which is reported at its parent.
fn join(path: &str, field: &str) -> String {
    if path == "." || path == field { field.to_owned() } else { format!("{path}.{field}") }
}

/// The fields of an object as they were sent, including duplicates.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}
