//! `GET /docs/`, `/redoc/` and `/api/openapi.json`: serves the API's description.
use app_core::interfaces::http;

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[], docs::handler)
}
