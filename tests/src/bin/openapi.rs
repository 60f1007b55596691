//! Prints the OpenAPI document; `cargo xtask openapi` puts it into `docs/openapi.json`.

fn main() {
    println!("{}", app_tests::openapi::document());
}
