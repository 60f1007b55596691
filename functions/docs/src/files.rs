//! The served files: two pages, the files that they load, and the document that they show. All of them are
//! text, so API Gateway can compress them and needs no binary media types.

pub(crate) struct File {
    pub(crate) content_type: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Allows scripts from this API only, and none inline. Both pages set styles from their scripts, which needs
/// 'unsafe-inline' for styles. Swagger UI's icons are `data:` URLs.
const PAGE: &[(&str, &str)] = &[(
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)];

/// Every caller gets the same bytes until the next deployment.
const ASSET: &[(&str, &str)] = &[("cache-control", "public, max-age=3600")];

pub(crate) const SWAGGER_UI: File =
    File { content_type: HTML, headers: PAGE, body: include_str!("pages/swagger-ui.html") };
pub(crate) const REDOC: File =
    File { content_type: HTML, headers: PAGE, body: include_str!("pages/redoc.html") };
/// Generated from the handlers by `cargo xtask openapi`. `cargo xtask lint` fails if it is out of date.
pub(crate) const OPENAPI: File =
    File { content_type: "application/json", headers: &[], body: include_str!("../../../docs/openapi.json") };

/// The files that the pages load, each by its name after `/docs/`.
const ASSETS: &[(&str, File)] = &[
    ("swagger-ui.css", asset_of(CSS, include_str!("../assets/swagger-ui.css"))),
    ("swagger-ui-bundle.js", asset_of(JAVASCRIPT, include_str!("../assets/swagger-ui-bundle.js"))),
    ("swagger-ui-start.js", asset_of(JAVASCRIPT, include_str!("pages/swagger-ui-start.js"))),
    (
        "redoc.standalone.js",
        asset_of(JAVASCRIPT, include_str!(concat!(env!("OUT_DIR"), "/redoc.standalone.js"))),
    ),
    ("redoc-start.js", asset_of(JAVASCRIPT, include_str!("pages/redoc-start.js"))),
    // The first lines of the scripts refer to these files.
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
