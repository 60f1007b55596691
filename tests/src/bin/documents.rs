//! Prints a document that is made from the code; `cargo xtask openapi` puts it into `docs/`.

fn main() {
    let document = match std::env::args().nth(1).as_deref() {
        Some("openapi") => app_tests::openapi::document(),
        Some("messages") => app_tests::messages::document(),
        _ => panic!("which document: openapi or messages"),
    };
    println!("{document}");
}
