//! The documentation pages: what their routes return, and that nothing else is served.

use app_core::testing::{Event, TestApp, event};
use serde_json::{Value, json};

use crate::support::Response;

const ROUTES: [(&str, &str); 4] =
    [("/docs", "/docs/"), ("/docs/{proxy+}", "/docs/swagger-ui.css"), ("/redoc", "/redoc/"), OPENAPI];
const OPENAPI: (&str, &str) = ("/api/openapi.json", "/api/openapi.json");

fn get((route, path): (&str, &str)) -> Event {
    let mut event = event("docs");
    event.0["resource"] = json!(route);
    event.0["path"] = json!(path);
    event.0["requestContext"]["path"] = json!(path);
    event.0["pathParameters"] = match route.strip_suffix("{proxy+}") {
        Some(before) => json!({ "proxy": path.strip_prefix(before) }),
        None => Value::Null,
    };
    event
}

fn asset(name: &str) -> Event {
    get(("/docs/{proxy+}", &format!("/docs/{name}")))
}

/// What Lambda would be given; the body is no JSON.
async fn respond(app: &TestApp, event: &Event) -> Value {
    let endpoints = catalogue::endpoints();
    let docs = endpoints.iter().find(|endpoint| endpoint.name == "docs").expect("the function");
    docs.call(&app.app, &event.to_string()).await
}

async fn with_docs() -> TestApp {
    TestApp::with(|config| config.show_api_docs = true).await
}

fn header<'a>(response: &'a Value, name: &str) -> &'a str {
    response["multiValueHeaders"][name][0].as_str().unwrap_or_default()
}

fn text(response: &Value) -> &str {
    response["body"].as_str().expect("a text")
}

/// Returns the values of `src="…"` and `href="…"`, except `data:` addresses.
fn loaded(page: &str) -> Vec<&str> {
    let attributes = page
        .split(['<', ' ', '>'])
        .filter_map(|word| word.strip_prefix("src=").or_else(|| word.strip_prefix("href=")));
    attributes.map(|value| value.trim_matches('"')).filter(|value| !value.starts_with("data:")).collect()
}

#[tokio::test]
async fn without_the_setting_there_is_no_such_page() {
    let app = TestApp::new().await;
    for route in ROUTES {
        Response::of(&respond(&app, &get(route)).await).is_error(404, "not_found");
    }
}

#[tokio::test]
async fn pages_load_scripts_of_their_own_and_nothing_else() {
    let app = with_docs().await;
    for (route, at) in [("/docs", "/docs/"), ("/redoc", "/redoc/")] {
        let page = respond(&app, &get((route, at))).await;
        assert_eq!(
            (page["statusCode"].as_i64(), header(&page, "content-type")),
            (Some(200), "text/html; charset=utf-8")
        );
        let policy = header(&page, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{policy}");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
        let loaded = loaded(text(&page));
        assert!(loaded.len() >= 3, "{route}: {loaded:?}");
        for file in loaded {
            let name = file.strip_prefix("../docs/").unwrap_or(file);
            let event = if file == "../api/openapi.json" { get(OPENAPI) } else { asset(name) };
            let found = respond(&app, &event).await;
            assert_eq!(found["statusCode"], 200, "{route} loads {file}, which is not there");
            assert_eq!(found["isBase64Encoded"], json!(false), "{file}");
            // Lambda takes 6 MB of a response.
            assert!((1..5_000_000).contains(&text(&found).len()), "{file}");
        }
    }
}

#[tokio::test]
async fn without_the_slash_a_page_is_one_slash_further_below_whatever_stage() {
    let app = with_docs().await;
    for (route, to) in [("/docs", "docs/"), ("/redoc", "redoc/")] {
        let moved = respond(&app, &get((route, route))).await;
        assert_eq!((moved["statusCode"].as_i64(), header(&moved, "location")), (Some(308), to));
    }
}

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let app = with_docs().await;
    let document = respond(&app, &get(OPENAPI)).await;
    assert_eq!(header(&document, "content-type"), "application/json");
    let served: Value = serde_json::from_str(text(&document)).expect("JSON");
    let made: Value = serde_json::from_str(&catalogue::openapi::document()).expect("JSON");
    assert_eq!(served, made, "out of date; run `cargo xtask openapi`");
}

#[tokio::test]
async fn the_document_names_the_stage_or_the_base_path_that_it_came_through() {
    let app = with_docs().await;
    for (path, server) in [
        ("/api/openapi.json", "/"),
        ("/v1/api/openapi.json", "/v1"),
        ("/shop/v1/api/openapi.json/", "/shop/v1"),
        ("/v1", "/"),
        ("/v1\"x/api/openapi.json", "/"),
    ] {
        let mut event = get(OPENAPI);
        event.0["requestContext"]["path"] = json!(path);
        let document: Value = serde_json::from_str(text(&respond(&app, &event).await)).expect("JSON");
        assert_eq!(document["servers"][0]["url"], server, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_file_of_the_pages_is_not_found() {
    let app = with_docs().await;
    for name in ["", "none.js", "requirements.txt", "../lib.rs", "swagger-ui.css/", "%2e%2e/lib.rs"] {
        Response::of(&respond(&app, &asset(name)).await).is_error(404, "not_found");
    }
}
