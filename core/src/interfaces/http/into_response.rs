//! The types that a handler may return.

use lambda_http::http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use uuid::Uuid;

use super::Storable;
use crate::{
    domain::{Error, Result},
    interfaces::gateway::TextResponse,
};

pub trait IntoResponse {
    fn into_response(self) -> Result<Response<String>>;
}

/// 200 with a JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A complete response, for content other than JSON. It may set the headers that `serve` adds by default.
impl IntoResponse for Response<String> {
    fn into_response(self) -> Result<TextResponse> {
        Ok(self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Result<TextResponse> {
        WithStatus(StatusCode::OK, self.0).into_response()
    }
}

impl<T: Storable> Storable for Json<T> {
    fn about(&self) -> Option<Uuid> {
        self.0.about()
    }
}

/// A JSON body with another status than 200.
#[derive(Debug)]
pub struct WithStatus<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for WithStatus<T> {
    fn into_response(self) -> Result<TextResponse> {
        let mut response = Response::new(serde_json::to_string(&self.1).map_err(Error::internal)?);
        *response.status_mut() = self.0;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl<T: Storable> Storable for WithStatus<T> {
    fn about(&self) -> Option<Uuid> {
        self.1.about()
    }
}

/// 204 without a body.
#[derive(Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Result<TextResponse> {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

impl Storable for NoContent {}
