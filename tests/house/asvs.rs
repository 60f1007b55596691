//! The verdicts of docs/asvs.md: each requirement has one, and its evidence exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The requirements of ASVS 5.0 of level 1 and of level 2.
const REQUIREMENTS: [usize; 2] = [70, 183];

const VERDICTS: [&str; 4] = ["met", "AWS", "not met", "n/a"];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One row of the page: some requirements of one level.
struct Row<'a> {
    ids: Vec<&'a str>,
    level: usize,
    verdict: &'a str,
    evidence: &'a str,
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let rows = page.lines().filter(|line| line.starts_with("| V"));
    let row = |line| match cells(line)[..] {
        [ids, level, verdict, evidence] => Row {
            ids: ids.split(", ").collect(),
            level: level.parse().unwrap_or_default(),
            verdict,
            evidence,
        },
        _ => panic!("docs/asvs.md: not four cells: {line}"),
    };
    rows.map(row).collect()
}

/// Returns where the source of a module of tests may lie, without `.rs` or `/mod.rs`. The tests of a function are a
/// module of the suite `api`.
fn sources(root: &Path, module: &str) -> Vec<PathBuf> {
    let path = |module: &str| module.replace("::", "/");
    if let Some(function) = module.strip_prefix("api::functions::") {
        return vec![root.join("functions").join(function.replace('_', "-")).join("tests")];
    }
    match module.split_once("::") {
        Some((package @ ("core" | "xtask"), module)) => {
            let source = root.join(package).join("src");
            // `mod tests { … }` at the end of the file that it tests.
            let inline = module.strip_suffix("::tests").map(path);
            [Some(path(module)), inline].into_iter().flatten().map(|path| source.join(path)).collect()
        }
        _ => vec![root.join("tests").join(path(module))],
    }
}

/// Whether there is a test of this name, such as `api::matrix::a_name` or `core::config::tests::a_name`.
pub(crate) fn is_test(root: &Path, name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else { return false };
    let files =
        sources(root, module).into_iter().flat_map(|path| [path.with_extension("rs"), path.join("mod.rs")]);
    let text = files.filter_map(|file| fs::read_to_string(file).ok()).next().unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    lines.windows(2).any(|pair| {
        let is_marked =
            ["test]", "test(flavor = \"multi_thread\")]"].iter().any(|end| pair[0].ends_with(end));
        let name = pair[1].strip_prefix("async ").unwrap_or(pair[1]).strip_prefix("fn ");
        is_marked && name.is_some_and(|name| name.starts_with(&format!("{function}()")))
    })
}

/// Returns what is wrong with the page.
fn faults(root: &Path, page: &str) -> Vec<String> {
    let rows = rows(page);
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    let mut counted: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for Row { ids, level, verdict, evidence } in &rows {
        let first = ids.first().copied().unwrap_or_default();
        faults.extend(ids.iter().filter(|id| !known.insert(**id)).map(|id| format!("{id}: two verdicts")));
        if !VERDICTS.contains(verdict) {
            faults.push(format!("{first}: `{verdict}` is no verdict"));
        }
        *counted.entry((*level, verdict)).or_default() += ids.len();
        let tests: Vec<_> =
            evidence.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
        faults.extend(
            tests.iter().filter(|name| !is_test(root, name)).map(|name| format!("{first}: no test `{name}`")),
        );
        if *verdict == "met" && tests.is_empty() && !evidence.contains("](") {
            faults.push(format!("{first}: met without a test, a file or a page"));
        }
    }
    for (level, expected) in [1, 2].into_iter().zip(REQUIREMENTS) {
        let found: usize = VERDICTS.iter().filter_map(|verdict| counted.get(&(level, verdict))).sum();
        if found != expected {
            faults.push(format!("level {level}: {found} requirements of {expected}"));
        }
    }
    for line in page.lines().filter(|line| VERDICTS.contains(&cells(line)[0])) {
        let cells = cells(line);
        let of = |level| counted.get(&(level, cells[0])).copied().unwrap_or_default().to_string();
        if cells[2..] != [of(1), of(2)] {
            faults.push(format!("the table of verdicts: `{}` is {} and {}", cells[0], of(1), of(2)));
        }
    }
    faults
}

#[test]
fn each_requirement_has_one_verdict_and_its_evidence_exists() {
    let page = fs::read_to_string(root().join("docs/asvs.md")).expect("the page");
    let faults = faults(&root(), &page);
    assert!(faults.is_empty(), "docs/asvs.md:\n  {}", faults.join("\n  "));
}

#[test]
fn evidence_that_does_not_exist_is_found() {
    let page = "| met | it is there | 1 | 0 |\n| V1.1.1 | 1 | met | `house::asvs::is_test` |\n\
                | V1.1.1, V1.1.2 | 2 | maybe | it is |\n| V1.1.3 | 2 | met | everybody knows |\n";
    let expected = [
        "V1.1.1: no test `house::asvs::is_test`",
        "V1.1.1: two verdicts",
        "V1.1.1: `maybe` is no verdict",
        "V1.1.3: met without a test, a file or a page",
        "level 1: 1 requirements of 70",
        "level 2: 1 requirements of 183",
        "the table of verdicts: `met` is 1 and 1",
    ];
    assert_eq!(faults(&root(), page), expected);
    for (name, is_one) in [
        ("house::asvs::evidence_that_does_not_exist_is_found", true),
        ("core::config::tests::h8_a_private_sign_up_keeps_unconfirmed_addresses_out", true),
        (
            "core::domain::auth::challenge::secrets::tests::a_token_reads_back_and_does_not_print_its_secret",
            true,
        ),
        ("xtask::mutants::scratch::tests::a_folder_goes_with_its_last_file", true),
        ("api::functions::users_me_delete::a_deletion_needs_a_session", false),
        ("core::config::tests::nothing", false),
        ("core::config::mod::nothing", false),
    ] {
        assert_eq!(is_test(&root(), name), is_one, "{name}");
    }
}
