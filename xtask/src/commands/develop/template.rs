//! `cargo xtask template`: generates template.yaml from template.base.yaml and functions/*/function.yaml, and the
//! list of endpoints in catalogue/Cargo.toml from the folders in functions/. All of them are committed.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::openapi::generate;
use crate::checkout::Checkout;
use crate::generate::catalogue;
use crate::ui;

const FILE: &str = "template.yaml";

pub fn run(check: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    if !check {
        // First, because the program that makes the template is compiled with the catalogue.
        if catalogue::write(&checkout)? {
            ui::say(&format!("wrote {}", catalogue::FILE));
        }
        let wrote = write(&checkout)?;
        ui::say(&if wrote { format!("wrote {FILE}") } else { format!("{FILE} is up to date") });
        return Ok(());
    }
    if fs::read_to_string(checkout.root().join(catalogue::FILE))? != catalogue::text(&checkout)? {
        bail!("{}: the list of endpoints is out of date; run `cargo xtask template`", catalogue::FILE);
    }
    let generated = String::from_utf8(generate(&checkout, "template")?)?;
    let committed = fs::read_to_string(checkout.root().join(FILE)).unwrap_or_default();
    if let Some(line) = first_difference(&committed, &generated) {
        bail!(
            "{FILE}:{line} differs from its sources: edit template.base.yaml or a function.yaml, \
             then run `cargo xtask template`"
        );
    }
    Ok(())
}

/// Generates the template and writes it if it has changed. Returns whether it has.
pub fn write(checkout: &Checkout) -> Result<bool> {
    let path = checkout.root().join(FILE);
    let generated = generate(checkout, "template")?;
    if fs::read(&path).is_ok_and(|committed| committed == generated) {
        return Ok(false);
    }
    fs::write(&path, &generated).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

/// Returns the number of the first line that is not the same in both.
fn first_difference(committed: &str, generated: &str) -> Option<usize> {
    if committed == generated {
        return None;
    }
    let same = committed.lines().zip(generated.lines()).take_while(|(old, new)| old == new);
    Some(same.count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
    }
}
