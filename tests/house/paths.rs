//! What one source file declares, imports and names, read with `syn`.
//!
//! Unit tests are left out: they may use everything.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A path as it is written, for example `["crate", "domain", "Error"]`.
pub(super) type Written = Vec<String>;

/// One branch of a `use` item.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) path: Written,
    /// The name that it gets in this file; `None` for `*`.
    pub(super) name: Option<String>,
    /// Whether other files can reach the name through this file (`pub use`, `pub(crate) use`).
    pub(super) passed_on: bool,
}

#[derive(Debug, Default)]
pub(super) struct Source {
    /// Names of the items that the file itself declares.
    pub(super) declared: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Every other path: of types, expressions, patterns, attributes, and inside of macro calls.
    pub(super) named: BTreeSet<Written>,
    /// Files that the file declares for tests only (`#[cfg(test)] mod tests;`).
    pub(super) test_files: BTreeSet<String>,
    /// How many modules with braces are around the item that is being read.
    inside: usize,
}

impl Source {
    /// Reads the text of a file.
    pub(super) fn read(text: &str) -> Self {
        let mut source = Self::default();
        source.visit_file(&syn::parse_file(text).expect("Rust"));
        source
    }

    /// Returns the path as the file itself would write it: in a module with braces, `super` may be the file.
    fn seen_from_file(&self, mut path: Written) -> Written {
        let ups = path.iter().take_while(|part| *part == "super").count().min(self.inside);
        path.drain(..ups);
        if ups > 0 && path.first().is_none_or(|first| first != "super") {
            path.insert(0, "self".to_owned());
        }
        path
    }

    fn name(&mut self, path: Written) {
        let path = self.seen_from_file(path);
        self.named.insert(path);
    }

    fn import(&mut self, mut before: Written, tree: &syn::UseTree, passed_on: bool) {
        let (last, name) = match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                return self.import(before, &path.tree, passed_on);
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(before.clone(), tree, passed_on));
            }
            syn::UseTree::Name(name) => (Some(&name.ident), Some(&name.ident)),
            syn::UseTree::Rename(renamed) => (Some(&renamed.ident), Some(&renamed.rename)),
            _ => (None, None),
        };
        let mut name = name.map(ToString::to_string);
        if let Some(last) = last
            && (last != "self" || before.is_empty())
        {
            before.push(last.to_string());
        } else if name.as_deref() == Some("self") {
            name = before.last().cloned();
        }
        let path = self.seen_from_file(before);
        self.uses.push(Use { path, name, passed_on });
    }

    /// Names the paths between the tokens of a macro call or of an attribute.
    fn scan(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Written::new(), 0);
        let mut after_dot = false;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    if !after_dot {
                        path.push(ident.to_string());
                    }
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Punct(_) => self.end(&mut path),
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.scan(group.stream());
                }
                // `#[serde(with = "super::text")]` calls the functions of a module, so it uses the module.
                TokenTree::Literal(literal) => {
                    self.end(&mut path);
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    if ["crate::", "super::", "self::"].iter().any(|start| text.starts_with(start)) {
                        self.name(text.split("::").chain(["*"]).map(str::to_owned).collect());
                    }
                }
            }
            after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Written) {
        if !path.is_empty() {
            self.name(std::mem::take(path));
        }
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, name) = attributes_and_name(item);
        if attributes.iter().any(only_for_tests) {
            if let (syn::Item::Mod(_), Some(name)) = (item, name) {
                self.test_files.insert(name);
            }
            return;
        }
        let a_file = matches!(item, syn::Item::Mod(module) if module.content.is_none());
        if self.inside == 0 && !a_file {
            self.declared.extend(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !function.attrs.iter().any(only_for_tests) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.inside += 1;
        visit::visit_item_mod(self, module);
        self.inside -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            let passed_on = !matches!(item.vis, syn::Visibility::Inherited);
            self.import(Written::new(), &item.tree, passed_on);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.name(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.scan(list.tokens.clone());
        visit::visit_meta_list(self, list);
    }
}

fn attributes_and_name(item: &syn::Item) -> (&[syn::Attribute], Option<String>) {
    let (attributes, name) = match item {
        syn::Item::Const(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        syn::Item::Impl(item) => (&item.attrs, None),
        syn::Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        syn::Item::Mod(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Static(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Union(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Use(item) => (&item.attrs, None),
        _ => return (&[], None),
    };
    (attributes, name.map(ToString::to_string))
}

/// Whether it is `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn only_for_tests(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    let words: Vec<&str> = condition.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    list.path.is_ident("cfg")
        && words.contains(&"test")
        && !words.iter().any(|word| ["not", "any"].contains(word))
}
