//! The verdicts of docs/asvs.md: each requirement has one, and its evidence exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The requirements of ASVS 5.0 of level 1 and of level 2.
const REQUIREMENTS: [usize; 2] = [70, 183];

const VERDICTS: [&str; 4] = ["met", "AWS", "not met", "n/a"];

fn root() -> PathBuf {
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

/// Whether there is a test of this name, such as `api::matrix::a_name`.
fn is_test(root: &Path, name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else { return false };
    let path = root.join("tests").join(module.replace("::", "/"));
    let files = [path.with_extension("rs"), path.join("mod.rs")];
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    ["fn ", "async fn "].iter().any(|kind| {
        let test = format!("test]\n{kind}{function}()");
        text.contains(&test) || text.contains(&test.replace("test]", "test(flavor = \"multi_thread\")]"))
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
    assert!(is_test(&root(), "house::asvs::evidence_that_does_not_exist_is_found"));
}
