//! Prints a document that is made from the code; `cargo xtask openapi` and `cargo xtask template` put it into
//! its file.

use std::{path::Path, process::ExitCode};

use catalogue::{mails, messages, openapi, tables, template::Parts};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = match std::env::args().nth(1).as_deref() {
        Some("openapi") => openapi::document() + "\n",
        Some("mails") => mails::document(),
        Some("messages") => messages::document() + "\n",
        Some("template") => match Parts::read(&root).and_then(|parts| parts.template()) {
            Ok(template) => template,
            Err(faults) => {
                eprintln!("{}", faults.join("\n"));
                return ExitCode::FAILURE;
            }
        },
        Some(name) => match tables::table(&root, name) {
            Ok(table) => table,
            Err(fault) => {
                eprintln!("{fault}");
                return ExitCode::FAILURE;
            }
        },
        None => panic!("which document: mails, openapi, messages, template or a table of a page"),
    };
    print!("{document}");
    ExitCode::SUCCESS
}
