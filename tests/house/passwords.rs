//! The list of common passwords, compared with the public rankings that it is made of.

use std::{collections::BTreeMap, path::Path};

use app_core::{
    domain::users::{PasswordAttempt, PasswordPolicy},
    testing::setting,
};
use xtask::{checkout::Checkout, python::Python, rankings};

/// How many entries of each ranking must be refused. Entries shorter than a password do not count.
const REFUSED: usize = 3_000;

fn read() -> BTreeMap<String, Vec<String>> {
    let checkout = Checkout::find().expect("this checkout");
    let environment = Path::new(&setting("TEST_PYTHON"))
        .ancestors()
        .nth(2)
        .expect("bin/python")
        .canonicalize()
        .expect("the tools");
    rankings::read(&Python::installed(environment, &checkout)).expect("two rankings")
}

fn is_accepted(text: &str) -> bool {
    let policy = PasswordPolicy { min_length: rankings::SHORTEST_PASSWORD, words: Vec::new() };
    PasswordAttempt::parse(text).is_ok_and(|attempt| policy.accept(&attempt, &[]).is_ok())
}

#[test]
fn the_first_3000_passwords_of_two_rankings_are_refused_however_they_are_decorated() {
    let rankings = read();
    assert_eq!(rankings.keys().collect::<Vec<_>>(), ["Django", "zxcvbn"]);
    for (name, ranking) in rankings {
        let long = ranking.iter().filter(|text| text.chars().count() >= rankings::SHORTEST_PASSWORD);
        let first: Vec<&String> = long.take(REFUSED).collect();
        assert_eq!(first.len(), REFUSED);
        for text in first {
            let decorated = [
                text.clone(),
                text.to_uppercase(),
                format!("{text}1"),
                format!("{text}12!"),
                format!("{text}!"),
            ];
            let accepted = decorated.iter().find(|text| is_accepted(text));
            assert_eq!(accepted, None, "{name}");
        }
    }
}

#[test]
fn the_list_is_what_the_command_writes() {
    let checkout = Checkout::find().expect("this checkout");
    let list = std::fs::read_to_string(checkout.root().join(rankings::LIST)).expect("the list");
    let complete = rankings::complete(checkout.root(), &read()).expect("a list");
    assert!(list == complete, "run `cargo xtask passwords`");
}
