//! docs/security.md lists every action of the audit log.

use std::{collections::BTreeSet, fs, path::Path};

use app_core::domain::audit::Action;

use super::routes::differences;

/// Returns the words in the list of actions.
fn listed(page: &str) -> BTreeSet<String> {
    let (_, list) = page.split_once("These actions are recorded").expect("the list");
    let lines = list.lines().skip(2).take_while(|line| line.starts_with("- "));
    let words = lines.flat_map(|line| line.split('`').skip(1).step_by(2));
    words.map(str::to_owned).collect()
}

#[test]
fn the_security_page_lists_every_action_of_the_audit_log() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md"));
    let page = page.expect("the page");
    let actions = Action::ALL.map(|action| action.as_str().to_owned()).into();
    let check = |page: &str| differences(("domain/audit.rs", &actions), ("docs/security.md", &listed(page)));
    assert_eq!(check(&page), [""; 0]);
    assert_eq!(
        check(&page.replacen("`role_granted`", "`role_given`", 1)),
        [
            "role_granted is in domain/audit.rs and not in docs/security.md",
            "role_given is in docs/security.md and not in domain/audit.rs",
        ]
    );
}
