//! `google.protobuf.Any`, and the two types that contain JSON: Struct and Value.

use prost::Message;
use prost_types::{Struct, Value as Proto, value::Kind};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Number, Value as Json};

/// A message of any type, with the name of its type.
///
/// The type of `prost-types` has no JSON form. In JSON, the name of the type decides how to read the rest.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Any {
    /// The full name of the type after a slash, for example `type.googleapis.com/google.protobuf.Struct`.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The encoded message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// Every integer up to this one is exact as a double.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

impl Any {
    /// Returns the JSON of a Struct or a Value. Its numbers are doubles. Whole numbers become integers.
    ///
    /// # Errors
    /// The reason in one word: `unknown_type` for any other type, and `format` for bytes that do not decode or
    /// a number that JSON does not have.
    pub fn to_json(&self) -> Result<Json, &'static str> {
        match self.type_name() {
            "google.protobuf.Struct" => {
                Struct::decode(&*self.value).map_err(|_| "format").and_then(|object| object_to_json(&object))
            }
            "google.protobuf.Value" => {
                Proto::decode(&*self.value).map_err(|_| "format").and_then(|value| value_to_json(&value))
            }
            _ => Err("unknown_type"),
        }
    }

    fn from_json(type_url: String, value: Json) -> Result<Self, &'static str> {
        let mut any = Self { type_url, value: Vec::new() };
        any.value = match (any.type_name(), value) {
            ("google.protobuf.Struct", Json::Object(object)) => json_to_object(object).encode_to_vec(),
            ("google.protobuf.Struct", _) => return Err("type"),
            ("google.protobuf.Value", value) => json_to_value(value).encode_to_vec(),
            _ => return Err("unknown_type"),
        };
        Ok(any)
    }

    fn type_name(&self) -> &str {
        self.type_url.rsplit('/').next().unwrap_or_default()
    }
}

fn object_to_json(object: &Struct) -> Result<Json, &'static str> {
    let fields = object.fields.iter().map(|(key, value)| Ok((key.clone(), value_to_json(value)?)));
    fields.collect::<Result<Map<_, _>, _>>().map(Json::Object)
}

fn value_to_json(value: &Proto) -> Result<Json, &'static str> {
    Ok(match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(truth)) => Json::Bool(*truth),
        Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() <= MAX_INTEGER => {
            Json::from(*number as i64)
        }
        Some(Kind::NumberValue(number)) => Json::Number(Number::from_f64(*number).ok_or("format")?),
        Some(Kind::StringValue(text)) => Json::from(text.as_str()),
        Some(Kind::ListValue(list)) => {
            Json::Array(list.values.iter().map(value_to_json).collect::<Result<_, _>>()?)
        }
        Some(Kind::StructValue(object)) => object_to_json(object)?,
    })
}

fn json_to_object(object: Map<String, Json>) -> Struct {
    Struct { fields: object.into_iter().map(|(key, value)| (key, json_to_value(value))).collect() }
}

fn json_to_value(value: Json) -> Proto {
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(truth) => Kind::BoolValue(truth),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(values) => Kind::ListValue(prost_types::ListValue {
            values: values.into_iter().map(json_to_value).collect(),
        }),
        Json::Object(object) => Kind::StructValue(json_to_object(object)),
    };
    Proto { kind: Some(kind) }
}

/// `{"@type": …, "value": …}`, the form of types with a special JSON mapping.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(rename = "@type")]
    type_url: String,
    value: Json,
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.to_json().map_err(ser::Error::custom)?;
        Form { type_url: self.type_url.clone(), value }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Form { type_url, value } = Form::deserialize(deserializer)?;
        Self::from_json(type_url, value).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";

    #[test]
    fn json_goes_through_protobuf_and_comes_back_the_same() {
        for value in [
            json!({}),
            json!({ "uuid": "x", "n": 123, "negative": -5, "half": 0.5, "no": null, "yes": true }),
            json!({ "list": [1, [2, { "deep": [] }]] }),
            json!({ "large": 9_007_199_254_740_991_i64 }),
        ] {
            let form = json!({ "@type": STRUCT, "value": value });
            let any: Any = serde_json::from_value(form.clone()).expect("an Any");
            let travelled = Any::decode(&*any.encode_to_vec()).expect("an Any");
            assert_eq!(travelled.to_json(), Ok(value));
            assert_eq!(serde_json::to_value(&travelled).expect("json"), form);
        }
    }

    #[test]
    fn what_is_no_json_is_refused_with_a_word() {
        let any = |type_url: &str, value: &[u8]| Any { type_url: type_url.into(), value: value.into() };
        assert_eq!(any("", b"").to_json(), Err("unknown_type"));
        assert_eq!(any("type.googleapis.com/google.protobuf.Duration", b"").to_json(), Err("unknown_type"));
        assert_eq!(any(STRUCT, b"\xff\xff").to_json(), Err("format"));
        let infinite = Proto { kind: Some(Kind::NumberValue(f64::INFINITY)) }.encode_to_vec();
        assert_eq!(any("google.protobuf.Value", &infinite).to_json(), Err("format"));
        let refused = |form: Json| serde_json::from_value::<Any>(form).expect_err("no Any").to_string();
        assert_eq!(refused(json!({ "@type": "x/y.Z", "value": {} })), "unknown_type");
        assert_eq!(refused(json!({ "@type": STRUCT, "value": [] })), "type");
        assert!(refused(json!({ "value": {} })).contains("@type"));
    }
}
