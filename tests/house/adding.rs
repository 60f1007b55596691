//! docs/adding-a-domain.md is short, and shows the code that `cargo xtask new domain orders` writes.

use std::{collections::BTreeMap, fs, path::Path};

use xtask::{
    checkout::Checkout,
    generate::domain::{self, Part},
};

const PAGE: &str = "docs/adding-a-domain.md";
/// This page names the lines of a new column of the users.
const COLUMN_PAGE: &str = "docs/repository.md";
const LONGEST: usize = 160;
/// What a domain may cost by hand: its new files, and its lines in lists.
const MOST_FILES: usize = 11;
const MOST_LINES: usize = 4;
/// Engineers decide for each table which personal data it has. So lines in these files do not count.
const DECISIONS: [&str; 2] =
    ["core/src/infrastructure/repository/personal/register.rs", "docs/personal-data.md"];

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect(name)
}

/// Returns the files that `new domain NAME` writes, new ones and edited ones.
fn written(name: &str) -> BTreeMap<String, String> {
    let checkout = Checkout::find().expect("the checkout");
    // Unchecked, because the project may have orders by now.
    let plan = domain::unchecked(&checkout, name, None, &[Part::Create]).expect("a new domain");
    plan.written.into_iter().collect()
}

/// Returns each block of code with its language, apart from commands.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    blocks.filter(|(language, _)| *language != "sh").collect()
}

/// Returns the file that the first line of a block names, and the rest of it.
fn named(block: &str) -> Option<(&str, &str)> {
    let (first, rest) = block.split_once('\n')?;
    let file = ["// ", "-- ", "# "].into_iter().find_map(|comment| first.strip_prefix(comment))?;
    file.contains('/').then_some((file, rest))
}

/// Returns the text of a file. `00NN` stands for the number of a new migration.
fn text_of<'a>(files: &'a BTreeMap<String, String>, file: &str) -> Option<&'a str> {
    let is_same = |name: &str| match file.split_once("00NN") {
        Some((folder, rest)) => name.starts_with(folder) && name.ends_with(rest),
        None => name == file,
    };
    files.iter().find(|(name, _)| is_same(name)).map(|(_, text)| text.as_str())
}

/// Returns the first paragraph of a block that is not in its file.
fn stale<'a>(files: &BTreeMap<String, String>, block: &'a str) -> Option<&'a str> {
    let Some((file, code)) = named(block) else { return Some(block) };
    let Some(text) = text_of(files, file) else { return Some(block) };
    code.split("\n\n").find(|part| !text.contains(part.trim_end()))
}

/// Returns the cells of the page's table of a column of the users: a file, and a line of it.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let rows =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `"));
    rows.filter(|(file, _)| file.ends_with(".rs")).collect()
}

#[test]
fn the_page_is_short() {
    let lines = page(PAGE).lines().count();
    assert!(lines <= LONGEST, "{PAGE} has {lines} lines; at most {LONGEST} are read");
}

#[test]
fn the_page_shows_what_the_generator_writes() {
    let (page, files) = (page(PAGE), written("orders"));
    let blocks = blocks(&page);
    assert!(blocks.len() >= 7, "only {} blocks: have they another form?", blocks.len());
    let faults: Vec<&str> = blocks.iter().filter_map(|(_, block)| stale(&files, block)).collect();
    assert!(
        faults.is_empty(),
        "{PAGE} shows code that `new domain orders` does not write:\n{}",
        faults.join("\n")
    );
}

#[test]
fn the_page_names_the_lines_of_a_column() {
    let page = page(COLUMN_PAGE);
    let rows = rows(&page);
    assert_eq!(rows.len(), 5, "{rows:?}");
    for (file, line) in rows {
        let text = fs::read_to_string(root().join(file)).expect(file);
        assert!(text.lines().any(|known| known.trim() == line), "{COLUMN_PAGE}: `{line}` is not in {file}");
    }
}

#[test]
fn a_domain_is_eleven_new_files_and_four_lines() {
    let files = written("zebras");
    let (edited, new): (Vec<_>, Vec<_>) = files.iter().partition(|(file, _)| root().join(file).exists());
    // The sample event follows from the route and the body.
    let new: Vec<_> =
        new.into_iter().map(|(file, _)| file).filter(|file| !file.starts_with("events/")).collect();
    assert!(new.len() <= MOST_FILES, "{} new files: {new:#?}", new.len());
    let lines = |(file, text): (&String, &String)| {
        text.lines().count() - fs::read_to_string(root().join(file)).expect("it exists").lines().count()
    };
    let (decisions, lists): (Vec<_>, Vec<_>) =
        edited.into_iter().partition(|(file, _)| DECISIONS.contains(&file.as_str()));
    assert_eq!(decisions.len(), DECISIONS.len(), "the register does not know the table");
    let lists: Vec<_> = lists.into_iter().map(|(file, text)| (file, lines((file, text)))).collect();
    let count: usize = lists.iter().map(|(_, lines)| lines).sum();
    assert!(count <= MOST_LINES, "{count} lines: {lists:#?}");
}

#[test]
fn a_stale_block_or_row_is_found() {
    let files = BTreeMap::from([(
        "migrations/0099_orders.up.sql".to_owned(),
        "create table orders (\n);\n".to_owned(),
    )]);
    assert_eq!(stale(&files, "-- migrations/00NN_orders.up.sql\ncreate table orders (\n);\n"), None);
    assert_eq!(
        stale(&files, "-- migrations/00NN_orders.up.sql\ncreate table order (\n);\n"),
        Some("create table order (\n);\n")
    );
    assert!(stale(&files, "-- migrations/00NN_bills.up.sql\ncreate table orders (\n").is_some());
    assert!(stale(&files, "create table orders (\n").is_some());
    assert_eq!(blocks("```sh\na\n```\nb\n```rust\nc\n```\n"), [("rust", "c\n")]);
    assert_eq!(rows("| `a.rs` | `b,` |\n| a | b |\n| `a` | `b` |\n"), [("a.rs", "b,")]);
}
