//! `GET /docs/`, `/redoc/` and `/api/openapi.json`: serves the API's description, to read and to try out.
//!
//! One function serves three routes because they share their files. It is the only function that looks at
//! its route. The binary contains everything that a page loads, so a browser contacts only this API.

mod files;

use app_core::{
    App, Error, Result,
    interfaces::http::{HeaderName, HeaderValue, Public, Request, Response, StatusCode, header},
};

use files::File;

/// Serves a page, a file or the document. Without `SHOW_API_DOCS` everything is 404, and the template does
/// not deploy the function.
pub async fn handler(app: App, request: Request, _: Public) -> Result<Response<String>> {
    let route = request.route().filter(|_| app.config().show_api_docs);
    let (page, with_slash) = match route {
        Some("/docs") => (&files::SWAGGER_UI, "docs/"),
        Some("/redoc") => (&files::REDOC, "redoc/"),
        Some(route @ "/api/openapi.json") => return Ok(document(request.outer_path(), route)),
        Some(_) => {
            let asset = request.path_parameter("proxy").and_then(files::asset);
            return asset.map(respond).ok_or(Error::NotFound("page"));
        }
        None => return Err(Error::NotFound("page")),
    };
    // Pages use relative links, because the URL may begin with a stage or a base path. Without the slash,
    // "swagger-ui.css" would be next to "docs" instead of inside it.
    if request.path().ends_with('/') { Ok(respond(page)) } else { Ok(moved(with_slash)) }
}

/// Returns the document. Its server is the part of the URL before the route: a stage or a base path.
fn document(path: &str, route: &str) -> Response<String> {
    let base = path.trim_end_matches('/').strip_suffix(route).unwrap_or_default();
    let is_plain = base.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte));
    let mut response = respond(&files::OPENAPI);
    if !base.is_empty() && is_plain {
        *response.body_mut() = response.body().replacen(r#""url": "/""#, &format!(r#""url": "{base}""#), 1);
    }
    response
}

fn respond(file: &File) -> Response<String> {
    let mut response = Response::new(file.body.to_owned());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    for (name, value) in file.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// Redirects to the same page with a slash at its end. The address is relative, as all addresses here.
fn moved(to: &'static str) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response
}
