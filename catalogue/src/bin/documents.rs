//! Prints a document that is made from the code; `cargo xtask openapi` and `cargo xtask template` put it into
//! its file.

use std::{fs, path::Path, process::ExitCode};

use catalogue::{mails, messages, openapi, routes, template::Parts};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = match std::env::args().nth(1).as_deref() {
        Some("openapi") => openapi::document() + "\n",
        Some("mails") => mails::document(),
        Some("messages") => messages::document() + "\n",
        Some("routes") => {
            let page = fs::read_to_string(root.join("docs/routes.md")).map_err(|error| error.to_string());
            match page.and_then(|page| routes::page(&page)) {
                Ok(page) => page,
                Err(fault) => {
                    eprintln!("{fault}");
                    return ExitCode::FAILURE;
                }
            }
        }
        Some("template") => match Parts::read(&root).and_then(|parts| parts.template()) {
            Ok(template) => template,
            Err(faults) => {
                eprintln!("{}", faults.join("\n"));
                return ExitCode::FAILURE;
            }
        },
        _ => panic!("which document: mails, openapi, messages, routes or template"),
    };
    print!("{document}");
    ExitCode::SUCCESS
}
