//! A request as handlers see it.

use std::{net::IpAddr, panic};

use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayProxyRequestContext,
    http::{HeaderMap, Method, header::AsHeaderName},
    request::RequestContext,
};
use serde::de::DeserializeOwned;

use super::body;
use crate::domain::{Error, Result};

#[derive(Debug)]
pub struct Request {
    inner: lambda_http::Request,
}

impl Request {
    /// Reads API Gateway's event.
    ///
    /// # Errors
    /// `Malformed` when it is none. Parsing happens in here, not in the runtime, so that even
    /// this is answered in our envelope.
    pub(super) fn parse(event: &str) -> Result<Self> {
        // The library asserts that a host and a path make a URI, and a client chooses both.
        let parsed = panic::catch_unwind(|| lambda_http::request::from_str(event));
        match parsed {
            Ok(Ok(inner)) => Ok(Self { inner }),
            _ => Err(Error::Malformed("this is not a request that API Gateway forwards".into())),
        }
    }

    pub fn method(&self) -> &Method {
        self.inner.method()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// A header that is there exactly once and is visible ASCII.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        let mut values = self.inner.headers().get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// The body as `T`, which says itself what it accepts.
    ///
    /// # Errors
    /// `UnsupportedFormat`, `TooLarge`, `Malformed`, or `Validation` naming the key.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        body::read(self.header("content-type"), self.bytes())
    }

    fn bytes(&self) -> &[u8] {
        match self.inner.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        }
    }

    /// The client as the gateway saw it; never a header, which the client could have written.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.gateway()?.identity.source_ip.as_deref()?.parse().ok()
    }

    /// The gateway's id of this request.
    pub fn id(&self) -> Option<&str> {
        self.gateway()?.request_id.as_deref()
    }

    fn gateway(&self) -> Option<&ApiGatewayProxyRequestContext> {
        match self.inner.extensions().get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV1(context)) => Some(context),
            _ => None,
        }
    }
}
