//! What is served: two pages, what they load, and the document they show. All of it is text, so that
//! the gateway needs no binary media types, and compresses it.

pub(crate) struct File {
    pub(crate) content_type: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Scripts from here and no others, none of them inline. Both pages set styles from their scripts,
/// which takes 'unsafe-inline' there; Swagger UI's icons are data: addresses.
const PAGE: &[(&str, &str)] = &[(
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)];

/// The same bytes for everybody, until the next deployment.
const ASSET: &[(&str, &str)] = &[("cache-control", "public, max-age=3600")];

pub(crate) const SWAGGER_UI: File =
    File { content_type: HTML, headers: PAGE, body: include_str!("pages/swagger-ui.html") };
pub(crate) const REDOC: File =
    File { content_type: HTML, headers: PAGE, body: include_str!("pages/redoc.html") };
/// Made from the handlers by `cargo xtask openapi`; `cargo xtask lint` fails when it is out of date.
pub(crate) const OPENAPI: File =
    File { content_type: "application/json", headers: &[], body: include_str!("../../../docs/openapi.json") };

/// What the pages load, by the name behind `/docs/`.
const ASSETS: &[(&str, File)] = &[
    ("swagger-ui.css", asset_of(CSS, include_str!("../assets/swagger-ui.css"))),
    ("swagger-ui-bundle.js", asset_of(JAVASCRIPT, include_str!("../assets/swagger-ui-bundle.js"))),
    ("swagger-ui-start.js", asset_of(JAVASCRIPT, include_str!("pages/swagger-ui-start.js"))),
    (
        "redoc.standalone.js",
        asset_of(JAVASCRIPT, include_str!(concat!(env!("OUT_DIR"), "/redoc.standalone.js"))),
    ),
    ("redoc-start.js", asset_of(JAVASCRIPT, include_str!("pages/redoc-start.js"))),
    // The scripts' first lines refer to these.
    (
        "swagger-ui-bundle.js.LICENSE.txt",
        asset_of(TEXT, include_str!("../assets/swagger-ui-bundle.js.LICENSE.txt")),
    ),
    (
        "redoc.standalone.js.LICENSE.txt",
        asset_of(TEXT, include_str!("../assets/redoc.standalone.js.LICENSE.txt")),
    ),
];

const fn asset_of(content_type: &'static str, body: &'static str) -> File {
    File { content_type, headers: ASSET, body }
}

pub(crate) fn asset(name: &str) -> Option<&'static File> {
    ASSETS.iter().find(|(known, _)| *known == name).map(|(_, file)| file)
}
