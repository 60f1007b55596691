//! The list of endpoints in catalogue/Cargo.toml: every function with a route, unless the file names it above the
//! list. The list is generated, because the folders in functions/ state it already.

use std::fs;

use anyhow::{Context as _, Result};

use super::names;
use crate::checkout::Checkout;

pub const FILE: &str = "catalogue/Cargo.toml";
/// The list begins behind this line. It ends at the next empty line.
const BEGIN: &str = "\n# The endpoints.";

/// Returns the file with the list that follows from the folders in functions/.
pub fn text(checkout: &Checkout) -> Result<String> {
    let text =
        fs::read_to_string(checkout.root().join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    with_list(&text, &with_routes(checkout)?)
}

/// Writes the list. Returns whether it has changed.
pub fn write(checkout: &Checkout) -> Result<bool> {
    let (path, text) = (checkout.root().join(FILE), text(checkout)?);
    if fs::read_to_string(&path).is_ok_and(|before| before == text) {
        return Ok(false);
    }
    fs::write(&path, text).with_context(|| format!("cannot write {FILE}"))?;
    Ok(true)
}

/// Whether a function is in the list.
pub fn lists(checkout: &Checkout, name: &str) -> Result<bool> {
    Ok(text(checkout)?.contains(&format!("\n{}", line(name))))
}

/// Returns the functions with a route, sorted by name.
fn with_routes(checkout: &Checkout) -> Result<Vec<String>> {
    let mut functions = checkout.functions()?;
    functions.retain(|name| {
        let fragment = checkout.root().join("functions").join(name).join("function.yaml");
        fs::read_to_string(fragment).is_ok_and(|text| !names::routes(&text).is_empty())
    });
    Ok(functions)
}

fn with_list(text: &str, functions: &[String]) -> Result<String> {
    let missing = || format!("{FILE}: the comment `{}` is missing", BEGIN.trim());
    let comment = text.find(BEGIN).with_context(missing)? + 1;
    let begin = comment + text[comment..].find('\n').with_context(missing)? + 1;
    let length = text[begin..].find("\n\n").map_or(text.len() - begin, |length| length + 1);
    let (above, below) = (&text[..begin], &text[begin + length..]);
    let listed = functions.iter().filter(|name| !above.contains(&format!("\n{}", line(name))));
    Ok(listed.map(|name| line(name)).fold(above.to_owned(), |text, line| text + &line) + below)
}

fn line(name: &str) -> String {
    format!("{name} = {{ path = \"../functions/{name}\" }}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOVE: &str =
        "[dependencies]\ndocs = { path = \"../functions/docs\" }\n\n# The endpoints. Generated.\n";
    const BELOW: &str = "\n[lints]\n";

    #[test]
    fn the_list_has_every_function_that_is_not_named_above() {
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let old = format!("{ABOVE}{}{BELOW}", line("gone"));
        let new = with_list(&old, &names(&["a-b", "docs", "z-y"])).unwrap();
        assert_eq!(new, format!("{ABOVE}{}{}{BELOW}", line("a-b"), line("z-y")));
        assert_eq!(with_list(&new, &names(&["gone"])).unwrap(), old);
        let error = with_list("[dependencies]\n", &[]).unwrap_err().to_string();
        assert!(error.contains("the comment `# The endpoints.` is missing"), "{error}");
    }

    #[test]
    fn the_committed_list_is_the_generated_one() {
        let checkout = Checkout::find().unwrap();
        assert_eq!(fs::read_to_string(checkout.root().join(FILE)).unwrap(), text(&checkout).unwrap());
        assert!(lists(&checkout, "users-me").unwrap());
        assert!(!lists(&checkout, "events-consumer").unwrap());
    }
}
