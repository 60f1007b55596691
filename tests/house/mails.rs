//! docs/mails.md says which mails no task sends yet, and so which pages no mail leads to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use app_core::application::mails::Template;
use serde_json::Value;

use super::{plain_words::sources, routes::differences};

/// The mails that the page says are not sent.
fn said(page: &str) -> BTreeSet<String> {
    let line =
        page.lines().find(|line| line.contains("are not sent yet:")).expect("docs/mails.md says which");
    let (_, names) = line.split_once("are not sent yet:").expect("names");
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The mails that no code of the use cases names.
fn unsent(code: &str) -> BTreeSet<String> {
    let is_sent = |name: &&str| code.contains(&format!("Template::{name} {{"));
    let names = Template::samples().into_iter().map(|(name, _)| name);
    names.filter(|name| !is_sent(name)).map(str::to_owned).collect()
}

/// The code of the use cases, which send mails.
fn senders() -> String {
    let is_sender = |path: &str| path.contains("core/src/application/") && !path.contains("/mails/");
    sources("rs").into_iter().filter(|(path, _)| is_sender(path)).map(|(_, text)| text).collect()
}

fn read_page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mails.md");
    fs::read_to_string(path).expect("docs/mails.md")
}

/// The pages that links lead to, and whether one of these mails is sent.
fn linked(unsent: &BTreeSet<String>) -> BTreeMap<String, bool> {
    let mails: Vec<Value> = serde_json::from_str(&catalogue::mails::document()).expect("all mails");
    let mut pages = BTreeMap::new();
    for mail in mails {
        let text = mail["text"].as_str().expect("a text");
        let Some((before, _)) = text.split_once("#token=") else { continue };
        let page = before.rsplit_once("://").and_then(|(_, link)| link.split_once('/')).expect("a link").1;
        let is_sent = !unsent.contains(mail["name"].as_str().expect("a name"));
        *pages.entry(format!("/{page}")).or_default() |= is_sent;
    }
    pages
}

/// The pages of the table, and whether it says that a mail leads there now.
fn pages_said(page: &str) -> BTreeMap<String, bool> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `/")?.strip_suffix(" |"));
    let rows = rows.filter_map(|row| Some((row.split_once('`')?.0, row.rsplit_once("| ")?.1)));
    rows.map(|(name, sent)| (format!("/{name}"), sent == "yes")).collect()
}

#[test]
fn the_table_of_links_says_which_pages_a_mail_leads_to() {
    let (page, unsent) = (read_page(), unsent(&senders()));
    assert_eq!(pages_said(&page), linked(&unsent));
    let more = unsent.into_iter().chain(["ResetPassword".to_owned()]).collect();
    assert!(!linked(&more)["/reset-password"] && linked(&more)["/verify-email"]);
}

#[test]
fn the_page_names_the_mails_that_are_not_sent() {
    let code = senders();
    assert!(
        !unsent(&code).contains("Welcome") && unsent("").contains("Welcome"),
        "the test sees who is sent"
    );
    let page = read_page();
    let found = differences(("docs/mails.md", &said(&page)), ("the code", &unsent(&code)));
    assert!(found.is_empty(), "{found:#?}");
}
