//! The names of a domain, and the texts that are filled with them.

use anyhow::{Result, bail};

use super::super::spec::{pascal, sentence};

/// Names that the texts use for something else.
const TAKEN: [&str; 28] = [
    "Allowed",
    "App",
    "Assignments",
    "Body",
    "Caller",
    "Column",
    "ColumnType",
    "Delivery",
    "Entity",
    "Error",
    "Event",
    "Filter",
    "Handler",
    "Idempotent",
    "Json",
    "Op",
    "Option",
    "Parameter",
    "Parameters",
    "Received",
    "Repository",
    "Request",
    "Result",
    "Sql",
    "String",
    "Text",
    "Tx",
    "Vec",
];

/// The names of a domain's entity, in snake case.
#[derive(Debug)]
pub(super) struct Words {
    many: String,
    one: String,
}

impl Words {
    pub(super) fn new(name: &str, one: Option<&str>) -> Result<Self> {
        let many = name.replace('-', "_");
        let Some(one) = one.map(|one| one.replace('-', "_")).or_else(|| singular(&many)) else {
            bail!(
                "`{name}` is not a plural; write it in the plural, as in orders, or say `--one` for one of them"
            );
        };
        if one == many || TAKEN.contains(&pascal(&one).as_str()) {
            bail!("`{one}` has another meaning in the code; choose another name");
        }
        Ok(Self { many, one })
    }

    /// Returns `line_items`.
    pub(super) fn many(&self) -> &str {
        &self.many
    }

    /// Returns `line_item`.
    pub(super) fn one(&self) -> &str {
        &self.one
    }

    /// Returns `line-items`.
    pub(super) fn kebab(&self) -> String {
        self.many.replace('_', "-")
    }

    /// Returns `/api/v1/line-items/`.
    pub(super) fn path(&self) -> String {
        format!("/api/v1/{}/", self.kebab())
    }

    /// Returns `line-items-create`.
    pub(super) fn function(&self, action: &str) -> String {
        format!("{}-{action}", self.kebab())
    }

    /// Puts the names in the place of `gadget` and `gadgets`. In `<…>` they are words of a sentence.
    pub(super) fn fill(&self, text: &str) -> String {
        let (many, one) = (self.many.replace('_', " "), self.one.replace('_', " "));
        let article = if one.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        let a = format!("{article} {one}");
        [
            ("<Gadgets>", sentence(&many)),
            ("<A gadget>", sentence(&a)),
            ("<a gadget>", a),
            ("<a_gadget>", format!("{article}_{}", self.one)),
            ("<gadgets>", many),
            ("<gadget>", one),
            ("<path>", self.path()),
            ("<tag>", self.kebab()),
            ("<create>", self.function("create")),
            ("Gadget", pascal(&self.one)),
            ("gadgets", self.many.clone()),
            ("gadget", self.one.clone()),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (token, name)| text.replace(token, &name))
    }
}

/// Returns the singular of a regular plural.
fn singular(many: &str) -> Option<String> {
    if let Some(stem) = many.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return Some(format!("{stem}y"));
    }
    let long = ["sses", "xes", "ches", "shes"].into_iter().any(|end| many.ends_with(end));
    let stem = many.strip_suffix(if long { "es" } else { "s" })?;
    (!stem.is_empty() && !stem.ends_with(['s', '_']) || long).then(|| stem.to_owned())
}

/// Keeps or drops the lines between `//[NAME` and `//]`, and drops these two.
pub(super) fn blocks(text: &str, keep: impl Fn(&str) -> bool) -> String {
    let mut inside = true;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        match line.trim().strip_prefix("//[") {
            Some(name) => inside = keep(name),
            None if line.trim() == "//]" => inside = true,
            None if inside => kept += line,
            None => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_plural() {
        for (many, one) in [
            ("orders", Some("order")),
            ("line_items", Some("line_item")),
            ("categories", Some("category")),
            ("addresses", Some("address")),
            ("boxes", Some("box")),
            ("houses", Some("house")),
            ("order", None),
            ("s", None),
        ] {
            assert_eq!(singular(many).as_deref(), one, "{many}");
        }
        let words = Words::new("line-items", None).unwrap();
        let text = "<Gadgets>, <a gadget>, Gadget::gadget in gadgets: <path>";
        assert_eq!(
            words.fill(text),
            "Line items, a line item, LineItem::line_item in line_items: /api/v1/line-items/"
        );
        assert_eq!(Words::new("people", Some("person")).unwrap().fill("<A gadget>"), "A person");
        assert_eq!(Words::new("orders", None).unwrap().fill("it_is_<a_gadget>"), "it_is_an_order");
    }

    #[test]
    fn a_block_is_kept_or_dropped_without_its_marks() {
        let text = "a\n//[get\nb\n//]\nc\n//[list\nd\n//]\n";
        assert_eq!(blocks(text, |name| name == "get"), "a\nb\nc\n");
    }
}
