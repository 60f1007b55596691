//! Each alarm has a runbook, and each runbook has an alarm and says what one needs at night.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::{
    super::{checks::Faults, document::resources, holds},
    read, templates, text,
};
use crate::links::anchor;

/// Where runbooks are: below this heading of docs/operations.md.
const RUNBOOKS: &str = "\n## When an alarm rings\n";
/// What each runbook says.
const PARTS: [&str; 4] = ["- **Symptom.** ", "- **Look at.** ", "- **Do.** ", "- **Over when.** "];

/// The headings of runbooks in a page.
fn runbooks(page: &str) -> Vec<(String, &str)> {
    let (_, section) = page.split_once(RUNBOOKS).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let books = section.split("\n### ").skip(1);
    books.filter_map(|book| book.split_once('\n')).map(|(heading, text)| (anchor(heading), text)).collect()
}

/// Each alarm leads to a runbook, each runbook has an alarm, and says what one needs at night.
fn runbooks_fit(page: &str, templates: &[Value]) -> Faults {
    let mut faults = Faults::new();
    let books = runbooks(page);
    let mut named = BTreeSet::new();
    for (id, alarm) in templates.iter().flat_map(|stack| resources(stack, "AWS::CloudWatch::Alarm")) {
        let says = text(&alarm["AlarmDescription"]);
        let place = says.rsplit_once(". Runbook: docs/operations.md#").map_or("", |(_, place)| place);
        if !books.iter().any(|(book, _)| book == place) {
            faults.push(format!("{id}: its description leads to no runbook"));
        }
        named.insert(place.to_owned());
    }
    for (book, text) in &books {
        if !named.contains(book) {
            faults.push(format!("#{book}: no alarm leads there"));
        }
        faults.extend(
            drills(text).filter(|drill| !exists(drill)).map(|drill| format!("#{book}: no test {drill}")),
        );
        let missing =
            PARTS.iter().filter(|part| text.lines().filter(|line| line.starts_with(**part)).count() != 1);
        faults.extend(missing.map(|part| format!("#{book}: has not one line `{part}`")));
    }
    faults
}

/// The tests that a runbook names.
fn drills(text: &str) -> impl Iterator<Item = &str> {
    let named = text.split("Drill").skip(1).flat_map(|named| named.split('`').skip(1).step_by(2));
    named.filter(|name| name.contains("::"))
}

/// Whether there is a suite, with a module and perhaps a test of these names.
fn exists(drill: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts: Vec<&str> = drill.split("::").collect();
    let file = |name: &str| root.join(parts[0]).join(name);
    let texts = [file(&format!("{}.rs", parts[1])), file(&format!("{}/mod.rs", parts[1]))];
    let text = texts.iter().find_map(|file| fs::read_to_string(file).ok());
    text.is_some_and(|text| parts.get(2).is_none_or(|test| text.contains(&format!("fn {test}("))))
}

#[test]
fn each_alarm_has_a_runbook_and_each_runbook_an_alarm() {
    let page = read("docs/operations.md");
    holds(&runbooks_fit(&page, &templates()));
    let mut broken = templates();
    let says = "/Resources/CpuTooBusy/Properties/AlarmDescription";
    *broken[1].pointer_mut(says).expect("the alarm") = json!("The database is busy");
    assert_eq!(runbooks_fit(&page, &broken), ["CpuTooBusy: its description leads to no runbook"]);
    let more = page.replace("\n### Dead letters\n", "\n### Letters\n");
    let faults = runbooks_fit(&more, &templates());
    assert!(faults.contains(&"#letters: no alarm leads there".to_owned()), "{faults:?}");
    assert!(faults.contains(&"MailDeadLetterAlarm: its description leads to no runbook".to_owned()));
    let shorter = page.replacen("\n- **Over when.** ", "\n- **Later.** ", 1);
    assert_eq!(runbooks_fit(&shorter, &templates()).len(), 1);
    let no_drill = page.replacen("drills::queue_outage", "drills::nothing", 1);
    assert_eq!(runbooks_fit(&no_drill, &templates()), ["#a-queue-is-late: no test drills::nothing"]);
}
