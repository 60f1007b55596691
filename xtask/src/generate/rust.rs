//! Small changes to Rust files: an import, a module, a line. Each has its way back, so that `remove` leaves the
//! file as it was before `new`. [`formatted`] comes last, because the changes do not care about the format.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Returns the code as `cargo fmt` formats it.
pub(super) fn formatted(code: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=110,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt; `rustup component add rustfmt` installs it")?;
    rustfmt.stdin.take().context("no input")?.write_all(code.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        bail!("rustfmt cannot read the new code; see above");
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Adds a path such as `crate::domain::users::events::UserCreated` to the `use` that begins with its first word.
pub(super) fn with_import(code: &str, path: &str) -> Result<String> {
    change_imports(code, path, Imports::add)
}

/// Removes a path that `with_import` added.
pub(super) fn without_import(code: &str, path: &str) -> Result<String> {
    change_imports(code, path, Imports::remove)
}

/// Declares a module among the others, in the order of their names.
pub(super) fn with_module(code: &str, declaration: &str) -> String {
    let mut lines: Vec<&str> = code.lines().collect();
    let declared = lines.iter().filter_map(|line| module(line)).next().is_some();
    if !declared {
        let first = lines.iter().position(|line| line.starts_with("use ")).unwrap_or(lines.len());
        lines.splice(first..first, [declaration, ""]);
        return lines.join("\n") + "\n";
    }
    let later = |line: &&str| module(line).is_some_and(|name| Some(name) > module(declaration));
    let last = || lines.iter().rposition(|line| module(line).is_some()).map_or(0, |last| last + 1);
    let mut place = lines.iter().position(later).unwrap_or_else(last);
    // An attribute belongs to the line below it.
    while place > 0 && lines[place - 1].starts_with("#[") {
        place -= 1;
    }
    lines.insert(place, declaration);
    lines.join("\n") + "\n"
}

fn module(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

/// Adds a line before the first `end` behind `begin`.
pub(super) fn with_line(code: &str, begin: &str, end: &str, line: &str) -> Result<String> {
    let place = code.find(begin).map(|place| place + begin.len());
    let place = place.and_then(|place| Some(place + code[place..].find(end)?));
    let place = place.with_context(|| format!("the code has no `{begin}`; has it moved?"))?;
    Ok(format!("{}\n{line}{}", &code[..place], &code[place..]))
}

/// Removes a line, however it is indented.
pub(super) fn without_line(code: &str, line: &str) -> Result<String> {
    let lines: Vec<&str> = code.lines().collect();
    let places: Vec<usize> = (0..lines.len()).filter(|place| lines[*place].trim() == line).collect();
    let [place] = places[..] else {
        bail!("the line `{line}` is there {} times instead of once; remove it by hand", places.len());
    };
    Ok([&lines[..place], &lines[place + 1..]].concat().join("\n") + "\n")
}

/// The tree of one `use`: what follows after each word.
#[derive(Debug, Default, PartialEq, Eq)]
struct Imports(BTreeMap<String, Imports>);

impl Imports {
    fn read(text: &str) -> Self {
        let mut tree = Self::default();
        for path in items(text) {
            match path.split_once("::{") {
                Some((head, rest)) => {
                    let below = tree.descend(head);
                    below.0.extend(Self::read(rest.strip_suffix('}').unwrap_or(rest)).0);
                }
                None => drop(tree.descend(path)),
            }
        }
        tree
    }

    fn descend(&mut self, path: &str) -> &mut Self {
        path.split("::").fold(self, |tree, word| tree.0.entry(word.to_owned()).or_default())
    }

    fn add(&mut self, path: &str) -> bool {
        self.descend(path);
        true
    }

    /// Removes a path, and the words of it that lead nowhere then. Returns whether it was there.
    fn remove(&mut self, path: &str) -> bool {
        let (word, rest) = path.split_once("::").map_or((path, None), |(word, rest)| (word, Some(rest)));
        let Some(below) = self.0.get_mut(word) else { return false };
        let removed = match rest {
            Some(rest) => below.remove(rest),
            None => below.0.is_empty(),
        };
        if removed && below.0.is_empty() {
            self.0.remove(word);
        }
        removed
    }

    fn write(&self) -> String {
        let item = |(word, below): (&String, &Self)| match below.0.len() {
            0 => word.clone(),
            1 => format!("{word}::{}", below.write()),
            _ => format!("{word}::{{{}}}", below.write()),
        };
        self.0.iter().map(item).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the parts between the commas that are in no braces.
fn items(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (place, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(text[begin..place].trim());
                begin = place + 1;
            }
            _ => {}
        }
    }
    found.push(text[begin..].trim());
    found.retain(|item| !item.is_empty());
    found
}

fn change_imports(code: &str, path: &str, change: fn(&mut Imports, &str) -> bool) -> Result<String> {
    let root = path.split("::").next().unwrap_or_default();
    let missing = || format!("the code has no `use {root}::…` that fits `{path}`; has it moved?");
    let begin = code.find(&format!("\nuse {root}::")).with_context(missing)? + "\nuse ".len();
    let end = begin + code[begin..].find(';').with_context(missing)?;
    let mut imports = Imports::read(&code[begin..end].split_whitespace().collect::<Vec<_>>().join(" "));
    if !change(&mut imports, path) {
        bail!(missing());
    }
    Ok(format!("{}{}{}", &code[..begin], imports.write(), &code[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str =
        "//! A file.\n\nuse super::{\n    a::A,\n    b::{B, c::C},\n};\n\nfn f() -> R {\n    r().x()\n}\n";

    #[test]
    fn an_import_joins_the_others_and_leaves_no_trace() {
        for path in ["super::b::D", "super::b::c::D", "super::d::e::D", "super::a::D"] {
            let longer = formatted(&with_import(CODE, path).unwrap()).unwrap();
            assert_ne!(longer, CODE);
            assert_eq!(longer.matches('D').count(), 1, "{longer}");
            let again = without_import(&longer, path).unwrap();
            assert_eq!(formatted(&again).unwrap(), formatted(CODE).unwrap(), "{path}");
        }
        let two = with_import(CODE, "super::b::c::D").unwrap();
        assert!(
            formatted(&two)
                .unwrap()
                .contains("use super::{\n    a::A,\n    b::{\n        B,\n        c::{C, D},\n    },\n};"),
            "{two}"
        );
        for path in ["crate::X", "super::b", "super::b::X"] {
            assert!(without_import(CODE, path).is_err(), "{path}");
        }
        assert!(with_import(CODE, "crate::X").unwrap_err().to_string().contains("`use crate::…`"));
    }

    #[test]
    fn a_module_keeps_the_order_of_names_and_what_belongs_to_the_next_one() {
        let list = "//! A.\n\nmod b;\n#[path = \"x.rs\"]\npub mod d;\n\nuse x::Y;\n";
        for (name, place) in [("a", 2), ("c", 3), ("e", 5)] {
            let declaration = format!("pub mod {name};");
            let longer = with_module(list, &declaration);
            assert_eq!(longer.lines().position(|line| line == declaration), Some(place), "{longer}");
            assert_eq!(without_line(&longer, &declaration).unwrap(), list);
        }
        assert_eq!(with_module("//! A.\n\nuse x::Y;\n", "mod a;"), "//! A.\n\nmod a;\n\nuse x::Y;\n");
    }

    #[test]
    fn a_line_goes_behind_the_last_one_of_its_block_and_away_again() {
        let longer = with_line(CODE, "fn f() ", "\n}\n", ".y()").unwrap();
        assert!(longer.ends_with("r().x()\n.y()\n}\n"), "{longer}");
        assert_eq!(without_line(&longer, ".y()").unwrap(), CODE);
        assert!(with_line(CODE, "fn g() ", "\n}\n", ".y()").unwrap_err().to_string().contains("`fn g() `"));
        assert!(without_line(CODE, ".y()").unwrap_err().to_string().contains("0 times"));
    }
}
