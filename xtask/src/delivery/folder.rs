//! The folder that `sam build` would have written: a template, and a folder with a `bootstrap` for each function.
//! `sam deploy`, `sam local invoke` and `cargo xtask deploy` read it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Where `sam` looks for it, from the root of the checkout.
pub const FOLDER: &str = ".aws-sam/build";
/// The name that Lambda gives a program.
pub const PROGRAM: &str = "bootstrap";
/// The file that says which code the programs are from.
const LABEL: &str = "label.txt";

/// A function of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The name of the resource, which is also the name of its folder.
    pub id: String,
    /// The name of the program, of its package and of its folder in `functions/`.
    pub binary: String,
}

/// Returns the functions of template.yaml. `cargo xtask template` writes each of them in the same form.
#[must_use]
pub fn functions(template: &str) -> Vec<Function> {
    let mut id = "";
    let mut found = Vec::new();
    for line in template.lines() {
        if let Some(name) = resource(line) {
            id = name;
        } else if let Some(rest) =
            line.trim_start().strip_prefix("Metadata: {BuildMethod: rust-cargolambda, ")
            && let Some(binary) = rest.split_once("Binary: ").and_then(|(_, rest)| rest.strip_suffix("}}"))
        {
            found.push(Function { id: id.to_owned(), binary: binary.to_owned() });
        }
    }
    found
}

/// Returns the default of a parameter of the template.
#[must_use]
pub fn default<'a>(template: &'a str, parameter: &str) -> Option<&'a str> {
    let rest = template.split_once(&format!("\n  {parameter}:\n"))?.1;
    let own = rest.lines().take_while(|line| line.starts_with("    "));
    own.filter_map(|line| line.strip_prefix("    Default: ")).next()
}

/// Returns the processor that a program is for, if it is one of Linux and not a script.
#[must_use]
pub fn architecture(program: &[u8]) -> Option<&'static str> {
    // ELF has the machine at byte 18, in the order of bytes of both processors.
    match (program.get(..4)?, program.get(18..20)?) {
        (b"\x7fELF", [0x3e, 0]) => Some("x86_64"),
        (b"\x7fELF", [0xb7, 0]) => Some("arm64"),
        (b"\x7fELF", _) => Some("another processor"),
        _ => None,
    }
}

/// Returns the template with the folder of each function in place of the checkout.
///
/// # Errors
/// Names a function to which no folder could be given.
pub fn template(text: &str) -> Result<String> {
    let known = functions(text);
    let mut current = None;
    let mut given = 0;
    let mut written = String::with_capacity(text.len() + 64 * known.len());
    for line in text.lines() {
        written.push_str(line);
        written.push('\n');
        if let Some(id) = resource(line) {
            current = known.iter().find(|function| function.id == id);
        } else if line == "    Properties:"
            && let Some(function) = current.take()
        {
            written.push_str(&format!("      CodeUri: {}\n", function.id));
            given += 1;
        }
    }
    if known.is_empty() || given != known.len() {
        bail!(
            "template.yaml has {} functions, and {given} have properties; run `cargo xtask template`",
            known.len()
        );
    }
    Ok(written)
}

/// Writes which code the folder was built from. `keep`: only some functions were built now.
pub fn set_label(folder: &Path, label: &str, keep: bool) -> Result<()> {
    let path = folder.join(LABEL);
    let before = fs::read_to_string(&path).ok().filter(|before| keep && before != label);
    let text = before.map_or_else(|| label.to_owned(), |before| format!("{before}, in part {label}"));
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Returns which code a folder was built from. Another builder does not say it.
pub fn label(folder: &Path) -> String {
    fs::read_to_string(folder.join(LABEL)).unwrap_or_else(|_| "unknown".to_owned())
}

/// Writes the template and the given programs. Returns the programs that the folder lacks: with `keep`, what an
/// earlier build has left there stays.
pub fn write(
    template_text: &str,
    folder: &Path,
    keep: bool,
    program: impl Fn(&str) -> Option<PathBuf>,
) -> Result<Vec<String>> {
    let text = template(template_text)?;
    if !keep {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old {}", folder.display()));
            }
            _ => {}
        }
    }
    let mut lacking = Vec::new();
    for function in functions(template_text) {
        let target = folder.join(&function.id);
        let at = target.join(PROGRAM);
        if let Some(source) = program(&function.binary) {
            fs::create_dir_all(&target)?;
            fs::copy(&source, &at).with_context(|| {
                format!("cannot copy {} to {}; check that it was built", source.display(), at.display())
            })?;
        } else if !at.is_file() {
            lacking.push(function.binary);
        }
    }
    fs::create_dir_all(folder)?;
    let path = folder.join("template.yaml");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(lacking)
}

/// Returns the name of the resource, parameter or output that begins in this line.
fn resource(line: &str) -> Option<&str> {
    line.strip_prefix("  ")?.strip_suffix(':').filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Checks that each function has a program, for this processor.
pub fn check_programs(folder: &Path, template: &str, architecture: &str) -> Result<()> {
    for function in functions(template) {
        let path = folder.join(&function.id).join(PROGRAM);
        let program = fs::read(&path).with_context(|| {
            format!("the function {} is not built; run `cargo xtask build` without --only", function.binary)
        })?;
        if let Some(found) = self::architecture(&program).filter(|found| *found != architecture) {
            bail!(
                "{} is built for {found}, and the parameter Architecture is {architecture}; change one of them",
                function.binary
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::checkout::{Checkout, random_hex};

    fn ours() -> Result<(Checkout, String)> {
        let checkout = Checkout::find()?;
        let template = fs::read_to_string(checkout.root().join("template.yaml"))?;
        Ok((checkout, template))
    }

    #[test]
    fn the_template_has_each_function_of_the_project_once() -> Result<()> {
        let (checkout, template) = ours()?;
        let mut binaries: Vec<_> = functions(&template).into_iter().map(|f| f.binary).collect();
        binaries.sort();
        assert_eq!(binaries, checkout.functions()?);
        Ok(())
    }

    #[test]
    fn a_folder_knows_from_which_code_it_was_built() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("label-{}", random_hex(8)?));
        fs::create_dir_all(&folder)?;
        assert_eq!(label(&folder), "unknown");
        let mut found = Vec::new();
        for (code, keep) in [("v1", false), ("v2", false), ("v2", true), ("v3", true)] {
            set_label(&folder, code, keep)?;
            found.push(label(&folder));
        }
        fs::remove_dir_all(&folder)?;
        assert_eq!(found, ["v1", "v2", "v2", "v2, in part v3"]);
        Ok(())
    }

    #[test]
    fn the_processor_of_a_program_is_known() -> Result<()> {
        let own = fs::read(std::env::current_exe()?)?;
        let expected = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        if cfg!(target_os = "linux") {
            assert_eq!(architecture(&own), Some(expected));
        }
        let mut other = own;
        other[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0");
        assert_eq!(architecture(&other), Some("arm64"));
        assert_eq!(architecture(b"#!/bin/sh\nexec /somewhere/else\n"), None);
        assert_eq!(default(&ours()?.1, "Architecture"), Some("arm64"));
        assert_eq!(default(&ours()?.1, "DatabaseHost"), None);
        Ok(())
    }

    #[test]
    fn each_function_gets_its_folder_and_nothing_else_changes() -> Result<()> {
        let (_, text) = ours()?;
        let written = template(&text)?;
        let added: Vec<_> = written.lines().filter(|line| line.starts_with("      CodeUri: ")).collect();
        let expected: Vec<_> = functions(&text).iter().map(|f| format!("      CodeUri: {}", f.id)).collect();
        assert_eq!(added, expected);
        let rest: Vec<_> = written.lines().filter(|line| !line.starts_with("      CodeUri: ")).collect();
        assert_eq!(rest, text.lines().collect::<Vec<_>>());
        assert!(template("Resources:\n").is_err());
        Ok(())
    }

    #[test]
    fn a_folder_has_programs_and_a_partial_build_keeps_the_others() -> Result<()> {
        let (_, text) = ours()?;
        let base = std::env::temp_dir().join(format!("xtask-folder-{}", random_hex(8)?));
        let (folder, program) = (base.join("build"), base.join("program"));
        fs::create_dir_all(folder.join("RemovedFunction"))?;
        fs::write(&program, "one")?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let lacking = write(&text, &folder, false, |_| Some(program.clone()))?;
        assert_eq!(lacking, [""; 0]);
        assert!(!folder.join("RemovedFunction").exists());
        let at = |id: &str| folder.join(id).join(PROGRAM);
        for function in functions(&text) {
            let mode = fs::metadata(at(&function.id))?.permissions().mode();
            assert_eq!(mode & 0o111, 0o111, "{}", function.id);
        }
        fs::write(&program, "two")?;
        let only = |binary: &str| (binary == "users-me").then(|| program.clone());
        assert_eq!(write(&text, &folder, true, only)?, [""; 0]);
        let content = |id: &str| fs::read_to_string(at(id));
        assert_eq!((content("UsersMeFunction")?, content("UsersGetFunction")?), ("two".into(), "one".into()));
        fs::remove_dir_all(folder.join("UsersGetFunction"))?;
        assert_eq!(write(&text, &folder, true, only)?, ["users-get"]);
        fs::remove_dir_all(base)?;
        Ok(())
    }
}
