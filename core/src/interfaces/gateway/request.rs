//! A request as handlers see it.

use std::{collections::HashMap, fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::http::Method;
use uuid::Uuid;

use super::{Body, ValidFields, event::GatewayEvent, json_body, size};
use crate::domain::{Error, Result, auth::Client};

pub struct Request {
    method: Method,
    route: Option<String>,
    path: String,
    outer_path: Option<String>,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    path_parameters: HashMap<String, String>,
    body: Vec<u8>,
    is_text: bool,
    id: String,
    source_ip: Option<String>,
}

impl Request {
    /// Reads API Gateway's event. The request type of `lambda_http` is not used, because it builds a URI from
    /// the client's host and path, and panics if they do not make a valid one.
    ///
    /// # Errors
    /// `Malformed` if the event is not a request. The runtime does not parse it, so that this error gets a
    /// response in our envelope too.
    pub(in crate::interfaces) fn parse(event: &str) -> Result<Self> {
        let malformed = || Error::Malformed("the event is not an API Gateway proxy request".into());
        let mut event: GatewayEvent<'_> = serde_json::from_str(event).map_err(|_| malformed())?;
        let method = Method::from_bytes(event.http_method.as_bytes()).map_err(|_| malformed())?;
        let headers = event.take_headers().map_err(|_| malformed())?;
        if !headers.iter().all(is_header) {
            return Err(malformed());
        }
        let query = event.take_query().map_err(|_| malformed())?;
        let text = event.body.unwrap_or_default();
        let is_text = !event.is_base64_encoded.unwrap_or_default();
        let body = if !is_text {
            BASE64_STANDARD
                .decode(text)
                .map_err(|_| Error::Malformed("the body is not valid base64".into()))?
        } else {
            text.into_bytes()
        };
        Ok(Self {
            method,
            route: event.resource,
            path: event.path,
            outer_path: event.request_context.path,
            headers,
            query,
            path_parameters: event.path_parameters.unwrap_or_default(),
            body,
            is_text,
            id: event.request_context.request_id,
            source_ip: event.request_context.identity.source_ip,
        })
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the method for logs, unless it is one that API Gateway does not forward.
    pub(in crate::interfaces) fn known_method(&self) -> Option<&'static str> {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        known.into_iter().find(|known| *known == self.method.as_str())
    }

    /// Returns the route in the template, for example `/docs/{proxy+}`.
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// Returns the path as the client wrote it, without the stage.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path as in the client's URL, with the stage or the base path of a domain.
    pub fn outer_path(&self) -> &str {
        self.outer_path.as_deref().unwrap_or(&self.path)
    }

    /// Returns a header that was sent exactly once and is visible ASCII. A header that was sent twice counts
    /// as missing, because two readers could pick different values.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.as_str()).filter(|value| is_visible(value)),
            _ => None,
        }
    }

    /// Whether a header was sent at all, any number of times and with any value.
    pub fn sends(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// Whether API Gateway passed the body on as text instead of base64.
    pub(in crate::interfaces) fn is_text(&self) -> bool {
        self.is_text
    }

    /// Returns the body as it was sent.
    pub(in crate::interfaces) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the body as `T`, which defines what it accepts.
    ///
    /// # Errors
    /// `UnsupportedFormat`, `TooLarge`, `Malformed`, or `Validation` naming each faulty key.
    pub fn json<T: Body>(&self) -> Result<T> {
        self.json_with(|_| Ok(()))
    }

    /// Like [`Self::json`], for a body with rules that its type cannot check. A refused body is checked by
    /// `rules` too, so that the error names all faults. The handler checks an accepted body itself.
    ///
    /// # Errors
    /// Like [`Self::json`], and the errors of `rules`.
    pub fn json_with<T: Body>(&self, rules: impl Fn(&ValidFields) -> Result<()>) -> Result<T> {
        json_body::read(self.header("content-type"), &self.body, &rules)
    }

    /// Like [`Self::json`], for a body that may be left out.
    pub fn json_or_default<T: Body + Default>(&self) -> Result<T> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Returns the decoded keys and values of the query string, sorted. API Gateway passes them in any order,
    /// and the same query should always give the same SQL statement.
    pub fn query(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> =
            self.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        pairs.sort_unstable();
        pairs
    }

    /// # Errors
    /// `TooLarge` for headers or query string. A body is measured when it is read.
    pub(in crate::interfaces) fn check_size(&self) -> Result<()> {
        size::check(&self.headers, &self.query)
    }

    /// Reads a UUID in the path, such as `{uuid}` of `/api/v1/tasks/{uuid}/`.
    ///
    /// # Errors
    /// `NotFound(what)` if the text is not a UUID, because nothing can have this id.
    pub fn path_uuid(&self, parameter: &str, what: &'static str) -> Result<Uuid> {
        let text = self.path_parameters.get(parameter);
        text.and_then(|text| Uuid::parse_str(text).ok()).ok_or(Error::NotFound(what))
    }

    /// Returns the client's address as API Gateway saw it. Never from a header, which a client can forge.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.source_ip.as_deref()?.parse().ok()
    }

    /// Returns address and user agent of the client, for sessions and the audit log.
    pub fn client(&self) -> Client<'_> {
        Client { ip: self.client_ip(), user_agent: self.header("user-agent") }
    }

    /// Returns the text in the path at the place of `{name}`.
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        self.path_parameters.get(name).map(String::as_str)
    }

    /// Returns everything that identifies the request except its caller: path parameters, query and body.
    pub(in crate::interfaces) fn parts(&self) -> Vec<&[u8]> {
        let mut places: Vec<_> = self.path_parameters.iter().collect();
        places.sort_unstable();
        let places = places.into_iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = places.chain(self.query()).flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
        pairs.chain([self.body.as_slice()]).collect()
    }

    /// Returns API Gateway's id of this request.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Whether HTTP allows this header. Another reader would take a line break in a value for a second header.
fn is_header((name, value): &(String, String)) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

/// Leaves out headers and body, which contain tokens and passwords.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
