//! `GET /docs/`, `/redoc/` and `/api/openapi.json`: the API's description, to read and to try out.
//!
//! One function for three doors, because they share their files; so it is the one that looks at its
//! route. All that a page loads is in the binary: a browser asks nobody but this API.

mod files;

use app_core::{
    App, Error, Result,
    interfaces::http::{HeaderName, HeaderValue, Public, Request, Response, StatusCode, header},
};

use files::File;

/// Without SHOW_API_DOCS nothing is here. The template does not even deploy the function then.
pub async fn handler(app: App, request: Request, _: Public) -> Result<Response<String>> {
    let route = request.route().filter(|_| app.config().show_api_docs);
    let (page, with_slash) = match route {
        Some("/docs") => (&files::SWAGGER_UI, "docs/"),
        Some("/redoc") => (&files::REDOC, "redoc/"),
        Some(route @ "/api/openapi.json") => return Ok(document(request.outer_path(), route)),
        Some(_) => {
            let asset = request.path_parameter("proxy").and_then(files::asset);
            return asset.map(answer).ok_or(Error::NotFound("page"));
        }
        None => return Err(Error::NotFound("page")),
    };
    // Pages name their files relative to themselves, because a stage or a base path may stand before
    // them. Without the slash "swagger-ui.css" would be the neighbour of "docs", not inside of it.
    if request.path().ends_with('/') { Ok(answer(page)) } else { Ok(moved(with_slash)) }
}

/// The document, with the part of the URL before the route as its server: a stage, or a base path.
fn document(path: &str, route: &str) -> Response<String> {
    let base = path.trim_end_matches('/').strip_suffix(route).unwrap_or_default();
    let is_plain = base.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte));
    let mut answer = answer(&files::OPENAPI);
    if !base.is_empty() && is_plain {
        *answer.body_mut() = answer.body().replacen(r#""url": "/""#, &format!(r#""url": "{base}""#), 1);
    }
    answer
}

fn answer(file: &File) -> Response<String> {
    let mut answer = Response::new(file.body.to_owned());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    for (name, value) in file.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// The same page, one slash further; relative, as all addresses here.
fn moved(to: &'static str) -> Response<String> {
    let mut answer = Response::new(String::new());
    *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    answer
}
