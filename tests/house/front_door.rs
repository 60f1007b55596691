//! README stays short, and the tables of docs/ list what the code has.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::{
    routes::{differences, stem},
    template::document::{events, functions, template},
};

/// README's first lines must fit into the five minutes of somebody who opens the project.
const LONGEST_README: usize = 170;
/// And its part on deploying, without empty lines: the page behind it has the rest.
const LONGEST_DEPLOY: usize = 12;

/// The two commands that README promises to be enough. They are its first two blocks, because `up` keeps running
/// and a reader needs a second terminal.
const TWO_COMMANDS: [&str; 2] = ["cargo xtask up\n", "cargo xtask test\n"];

pub(super) fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
        .expect("a file of the project")
}

/// Returns the cells of each row of a page's tables, without headings and lines.
pub(super) fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let tables = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    tables.map(|row| row.split(" | ").map(str::trim).collect())
}

/// Returns the texts between backticks.
pub(super) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the settings of docs/settings.md: the first cell of a row is a name in capital letters.
fn described_settings(page: &str) -> BTreeSet<String> {
    let first = rows(page).filter(|row| row.len() == 4).filter_map(|row| code(row[0]).next());
    first
        .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'))
        .map(str::to_owned)
        .collect()
}

/// Returns the settings of .env.example.
fn example_settings(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.to_owned()).collect()
}

/// Returns each setting of docs/settings.md with the parameters of its last column, as in `SETTING Parameter`.
fn described_parameters(page: &str) -> BTreeSet<String> {
    let rows = rows(page).filter(|row| row.len() == 4 && row[0].starts_with('`'));
    let named = |row: Vec<&str>| {
        let setting = code(row[0]).next().unwrap_or_default().to_owned();
        let parameters = code(row[3]).filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
        parameters.map(|parameter| format!("{setting} {parameter}")).collect::<Vec<_>>()
    };
    rows.flat_map(named).collect()
}

/// Returns each variable of a function with the parameter that is its value.
fn deployed_parameters(template: &Value) -> BTreeSet<String> {
    let parameters = template["Parameters"].as_object().expect("parameters");
    let variables =
        functions(template).into_iter().map(|(_, function)| &function["Environment"]["Variables"]);
    let variables = variables.chain([&template["Globals"]["Function"]["Environment"]["Variables"]]);
    let set = variables.flat_map(|variables| variables.as_object().into_iter().flatten());
    let set = set.filter_map(|(setting, value)| Some((setting, value["Ref"].as_str()?)));
    let set = set.filter(|(_, parameter)| parameters.contains_key(*parameter));
    set.map(|(setting, parameter)| format!("{setting} {parameter}")).collect()
}

/// Returns the rows of docs/routes.md as `METHOD /path function`, without the slash at a path's end.
fn described_routes(page: &str) -> BTreeSet<String> {
    let routes = rows(page).filter(|row| row.len() == 4 && row[0].contains(" /"));
    routes.map(|row| format!("{} {}", row[0].trim_end_matches('/'), row[1])).collect()
}

fn deployed_routes(template: &Value) -> BTreeSet<String> {
    let all = functions(template).into_iter();
    let all = all
        .flat_map(|(id, function)| events(function, "Api").into_iter().map(move |route| (stem(id), route)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = all.map(|(name, route)| (text(&route["Method"]).to_uppercase(), text(&route["Path"]), name));
    let all = all.filter(|(method, ..)| method != "OPTIONS" && method != "HEAD");
    all.map(|(method, path, name)| format!("{method} {path} {name}")).collect()
}

/// Returns the commands of docs/commands.md, as in `up` and `queue list`.
fn described_commands(page: &str) -> BTreeSet<String> {
    let commands = rows(page).filter_map(|row| code(row[0]).next()?.strip_prefix("cargo xtask "));
    let mut names = BTreeSet::new();
    for command in commands {
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        let parts = rest.split(" \\| ").filter_map(|part| part.split(' ').next());
        let parts = parts.map(|part| part.trim_matches(['[', ']']));
        let parts = parts.filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
        names.extend(parts.map(|part| format!("{name} {part}")));
        names.insert(name.to_owned());
    }
    names
}

/// Returns whether the first paragraph of a page says for whom it is, and then what it answers.
fn has_introduction(page: &str) -> bool {
    let paragraph = page.split("\n\n").find(|part| !part.starts_with('#')).unwrap_or_default();
    let Some((readers, responses)) = paragraph.split_once(". ") else { return false };
    let says = ["answers", "describes", "lists", "says", "shows"];
    (readers.starts_with("For ") || readers.starts_with("This page is for "))
        && responses.split(' ').any(|word| says.contains(&word))
}

/// Returns the pages that an index lists, once for each row that links to one.
fn listed_pages(index: &str) -> Vec<String> {
    let links = rows(index).filter_map(|row| row[0].split_once("](")?.1.strip_suffix(')'));
    links.map(str::to_owned).collect()
}

#[track_caller]
fn same(left: (&str, &BTreeSet<String>), right: (&str, &BTreeSet<String>)) {
    assert!(!left.1.is_empty(), "{} lists nothing: has its form changed?", left.0);
    let found = differences(left, right);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn readme_is_short_and_begins_with_two_commands() {
    let readme = read("README.md");
    let lines = readme.lines().count();
    assert!(lines <= LONGEST_README, "README.md has {lines} lines of {LONGEST_README}: move a part to docs/");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    assert_eq!(blocks.take(2).collect::<Vec<_>>(), TWO_COMMANDS, "README.md begins with other commands");
    let part = readme.split_once("\n## Deploy\n").and_then(|(_, rest)| rest.split("\n## ").next());
    let lines = part.expect("a part on deploying").lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= LONGEST_DEPLOY, "README.md has {lines} lines on deploying: {LONGEST_DEPLOY} are enough");
}

#[test]
fn the_settings_page_lists_every_setting_with_its_parameter() {
    let page = read("docs/settings.md");
    let settings = ("docs/settings.md", &described_settings(&page));
    same(settings, (".env.example", &example_settings(&read(".env.example"))));
    let template = template();
    let parameters = ("docs/settings.md", &described_parameters(&page));
    same(parameters, ("template.yaml", &deployed_parameters(&template)));
}

#[test]
fn the_route_table_lists_every_route_with_its_function() {
    let described = described_routes(&read("docs/routes.md"));
    same(("docs/routes.md", &described), ("template.yaml", &deployed_routes(&template())));
}

#[test]
fn the_topology_page_names_every_function_but_the_endpoints() {
    let page = read("docs/topology.md");
    let template = template();
    // docs/routes.md lists the endpoints.
    let endpoints: BTreeSet<&str> = catalogue::endpoints().iter().map(|endpoint| endpoint.name).collect();
    let names = functions(&template).into_iter().map(|(id, _)| stem(id));
    let names: Vec<String> =
        names.filter(|name| name == "docs" || !endpoints.contains(name.as_str())).collect();
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let missing: Vec<_> = names.iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(!names.is_empty() && missing.is_empty(), "docs/topology.md does not name {missing:?}");
}

#[test]
fn the_commands_page_lists_every_command() {
    let commands = xtask::cli::command_names().into_iter().collect();
    let described = described_commands(&read("docs/commands.md"));
    same(("docs/commands.md", &described), ("`cargo xtask --help`", &commands));
}

#[test]
fn the_index_of_the_pages_lists_each_one_once() {
    let listed = listed_pages(&read("docs/README.md"));
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "docs/README.md lists a page twice: {listed:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let names = fs::read_dir(folder).expect("docs/").map(|entry| entry.expect("an entry").file_name());
    let pages = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".md") && name != "README.md");
    let pages = pages.chain(["decisions/README.md".to_owned()]).collect();
    same(("docs/README.md", &once), ("docs/", &pages));
}

#[test]
fn each_page_begins_with_its_readers_and_its_questions() {
    let pages = listed_pages(&read("docs/README.md"));
    let pages = pages.into_iter().filter(|page| !page.contains('/')).chain(["README.md".to_owned()]);
    let without: Vec<_> = pages.filter(|page| !has_introduction(&read(&format!("docs/{page}")))).collect();
    assert!(without.is_empty(), "the first paragraph must say for whom the page is: {without:?}");
}

/// Returns the error codes of docs/errors.md that the table of docs/grpc.md does not translate.
fn untranslated<'a>(errors: &'a str, rpc: &str) -> Vec<&'a str> {
    let (_, table) = errors.split_once("\n## Status and code\n").expect("the table of codes");
    let table = table.split("\n## ").next().unwrap_or_default();
    let codes = rows(table).filter(|row| row.len() == 4).filter_map(|row| code(row[2]).next());
    let translated: BTreeSet<&str> = rows(rpc)
        .filter(|row| row.len() == 2)
        .flat_map(|row| row[0].split(", ").collect::<Vec<_>>())
        .collect();
    codes.filter(|code| !translated.contains(code)).collect()
}

#[test]
fn the_rpc_page_translates_every_error_code() {
    let (errors, rpc) = (read("docs/errors.md"), read("docs/grpc.md"));
    assert_eq!(untranslated(&errors, &rpc), [""; 0]);
    let fewer = rpc.replacen(", reauthenticate |", " |", 1);
    assert_eq!(untranslated(&errors, &fewer), ["reauthenticate"]);
}

#[test]
fn a_row_that_is_missing_or_wrong_is_found() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let page = "| setting | default | meaning | parameter |\n|---|---|---|---|\n\
                | `A_B` | `1` | Of `C`. | `First`; `Second` for `migrate` |\n| `D2` | – | x | – |\n\
                \n| `Third` | `A_B` | required | text | y |\n";
    assert_eq!(described_settings(page), set(&["A_B", "D2"]));
    assert_eq!(described_parameters(page), set(&["A_B First", "A_B Second"]));
    assert!(deployed_parameters(&template()).contains("LOG_LEVEL LogLevel"));
    assert_eq!(example_settings("# X=1\nA_B=1\n\nD2=\n"), set(&["A_B", "D2"]));
    let routes = "| route | function | who | takes |\n|---|---|---|---|\n| GET /a/{id}/ | a-get | anyone | b \\| c |\n";
    assert_eq!(described_routes(routes), set(&["GET /a/{id} a-get"]));
    let commands = "| `cargo xtask up` | y |\n| `cargo xtask queue list [-v] \\| peek N` | y |\n| `other` | z |\n\
                    | `cargo xtask logs [NAME]` | y |\n| `cargo xtask bench [cold \\| warm]` | y |\n";
    assert_eq!(
        described_commands(commands),
        set(&["up", "queue", "queue list", "queue peek", "logs", "bench", "bench cold", "bench warm"])
    );
    assert_eq!(
        listed_pages("| **Part** | | |\n| [a.md](a.md) | b | c |\n| [a.md](a.md) | b | c |\n"),
        ["a.md", "a.md"]
    );
    assert!(deployed_routes(&template()).contains("GET /api/v1/users/me users-me"));
    assert!(has_introduction("# Title\n\nFor callers. This page says what.\n\nMore."));
    assert!(!has_introduction("# Title\n\nThis page says what.\n\nFor callers. It says more."));
    assert!(!has_introduction("# Title\n\nFor callers. Good luck.\n"));
}
