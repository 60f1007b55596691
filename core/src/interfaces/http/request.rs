//! A request as handlers see it.

use std::{collections::HashMap, fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::http::Method;
use uuid::Uuid;

use super::{Body, gateway::GatewayEvent, json_body, size};
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
    /// Reads API Gateway's event itself: the library's own request would first build a URI from
    /// what the client chose as host and path, and panic where they make none.
    ///
    /// # Errors
    /// `Malformed` when it is none. Parsing happens in here, not in the runtime, so that even
    /// this is answered in our envelope.
    pub(in crate::interfaces) fn parse(event: &str) -> Result<Self> {
        let malformed = || Error::Malformed("this is not a request that API Gateway forwards".into());
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
            BASE64_STANDARD.decode(text).map_err(|_| Error::Malformed("the body is not base64".into()))?
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
    pub(in crate::interfaces) fn known_method(&self) -> Option<&str> {
        let word = self.method.as_str();
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&word).then_some(word)
    }

    /// The route of the template that led here, as in `/docs/{proxy+}`.
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// As the client wrote it, without the stage.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As it is in the client's URL: with the stage, or with the base path of a domain.
    pub fn outer_path(&self) -> &str {
        self.outer_path.as_deref().unwrap_or(&self.path)
    }

    /// A header that is there exactly once and is visible ASCII. One that was sent twice is none:
    /// who reads the first and who reads the last would disagree.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.as_str()).filter(|value| is_visible(value)),
            _ => None,
        }
    }

    /// Whether a header is there at all, however often and whatever it says.
    pub fn sends(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// Whether API Gateway passed the body on as text, not as base64.
    pub(in crate::interfaces) fn is_text(&self) -> bool {
        self.is_text
    }

    /// As it came.
    pub(in crate::interfaces) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as `T`, which says itself what it accepts.
    ///
    /// # Errors
    /// `UnsupportedFormat`, `TooLarge`, `Malformed`, or `Validation` naming each faulty key.
    pub fn json<T: Body>(&self) -> Result<T> {
        json_body::read(self.header("content-type"), &self.body)
    }

    /// The same where a body may be left out.
    pub fn json_or_default<T: Body + Default>(&self) -> Result<T> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// The decoded keys and values behind the `?`, by key: the gateway hands them over in no order,
    /// and one question should be one statement.
    pub fn query(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> =
            self.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        pairs.sort_unstable();
        pairs
    }

    /// # Errors
    /// `TooLarge`, of headers and query string; a body is measured when it is read.
    pub(in crate::interfaces) fn check_size(&self) -> Result<()> {
        size::check(&self.headers, &self.query)
    }

    /// A uuid in the path, such as `{uuid}` of `/api/v1/tasks/{uuid}/`.
    ///
    /// # Errors
    /// `NotFound(what)`: what is no uuid names nothing that exists.
    pub fn path_uuid(&self, parameter: &str, what: &'static str) -> Result<Uuid> {
        let text = self.path_parameters.get(parameter);
        text.and_then(|text| Uuid::parse_str(text).ok()).ok_or(Error::NotFound(what))
    }

    /// The client as the gateway saw it; never a header, which the client could have written.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.source_ip.as_deref()?.parse().ok()
    }

    /// Where it came from: for a session, for the audit log.
    pub fn client(&self) -> Client<'_> {
        Client { ip: self.client_ip(), user_agent: self.header("user-agent") }
    }

    /// What stands in the path in the place of `{name}`.
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        self.path_parameters.get(name).map(String::as_str)
    }

    /// All that the request asks for, but by whom: what stands in the path's places, the query, the body.
    pub(super) fn parts(&self) -> Vec<&[u8]> {
        let mut places: Vec<_> = self.path_parameters.iter().collect();
        places.sort_unstable();
        let places = places.into_iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = places.chain(self.query()).flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
        pairs.chain([self.body.as_slice()]).collect()
    }

    /// The gateway's id of this request.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What HTTP can carry; a line break in a value would be two headers to somebody else.
fn is_header((name, value): &(String, String)) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

/// Neither headers nor body: they hold tokens and passwords.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
