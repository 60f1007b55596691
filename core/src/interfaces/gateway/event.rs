//! The parts of API Gateway's event that we read (REST, proxy integration).
//!
//! These types have only the few fields that we use. The types of `lambda_http` read all fields, read each
//! header twice, and try the form of every kind of gateway. This took a fifth of the instructions of a warm
//! request. All other fields are skipped.

use std::{borrow::Cow, collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewayEvent<'a> {
    pub(super) resource: Option<String>,
    pub(super) path: String,
    pub(super) http_method: Cow<'a, str>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    multi_value_headers: Option<Pairs>,
    #[serde(borrow)]
    query_string_parameters: Option<&'a RawValue>,
    multi_value_query_string_parameters: Option<Pairs>,
    pub(super) path_parameters: Option<HashMap<String, String>>,
    pub(super) request_context: Context,
    pub(super) body: Option<String>,
    pub(super) is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Context {
    pub(super) request_id: String,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) identity: Identity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    pub(super) source_ip: Option<String>,
}

impl GatewayEvent<'_> {
    /// Takes all header names and values, each as often as it was sent.
    pub(super) fn take_headers(&mut self) -> serde_json::Result<Vec<(String, String)>> {
        all_of(self.multi_value_headers.take(), self.headers)
    }

    /// Takes all decoded keys and values of the query string, each as often as it was sent.
    pub(super) fn take_query(&mut self) -> serde_json::Result<Vec<(String, String)>> {
        all_of(self.multi_value_query_string_parameters.take(), self.query_string_parameters)
    }
}

/// API Gateway sends headers and query twice: once with all values and once with the last values only. An event
/// that was written by hand may leave out the first form.
fn all_of(many: Option<Pairs>, one: Option<&RawValue>) -> serde_json::Result<Vec<(String, String)>> {
    match (many, one) {
        (Some(many), _) if !many.0.is_empty() => Ok(many.0),
        (_, Some(one)) => {
            let one: Option<HashMap<String, String>> = serde_json::from_str(one.get())?;
            Ok(one.unwrap_or_default().into_iter().collect())
        }
        (_, None) => Ok(Vec::new()),
    }
}

/// Reads `{"a": ["1", "2"]}` as `(a, 1), (a, 2)`, without a list for each key.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Pairs, A::Error> {
        // The usual number of headers from a browser and API Gateway.
        let mut list = Vec::with_capacity(32);
        while let Some(key) = access.next_key()? {
            access.next_value_seed(Values { key, list: &mut list })?;
        }
        Ok(Pairs(list))
    }
}

/// The values of one key. The list nearly always has one item.
struct Values<'l> {
    key: String,
    list: &'l mut Vec<(String, String)>,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Self { key, list } = self;
        let Some(mut value) = access.next_element()? else { return Ok(()) };
        while let Some(next) = access.next_element()? {
            list.push((key.clone(), std::mem::replace(&mut value, next)));
        }
        list.push((key, value));
        Ok(())
    }
}
