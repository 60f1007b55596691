//! Prints a document that is made from the code; `cargo xtask openapi` and `cargo xtask template` put it into
//! its file.

use std::{path::Path, process::ExitCode};

use app_tests::template::Parts;
use catalogue::{messages, openapi};

fn main() -> ExitCode {
    let document = match std::env::args().nth(1).as_deref() {
        Some("openapi") => openapi::document() + "\n",
        Some("messages") => messages::document() + "\n",
        Some("template") => {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            match Parts::read(&root).and_then(|parts| parts.template()) {
                Ok(template) => template,
                Err(faults) => {
                    eprintln!("{}", faults.join("\n"));
                    return ExitCode::FAILURE;
                }
            }
        }
        _ => panic!("which document: openapi, messages or template"),
    };
    print!("{document}");
    ExitCode::SUCCESS
}
