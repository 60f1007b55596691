//! The order of a deployment: the function of the migrations first, then the migrations, then all other functions.

use std::collections::BTreeSet;

use super::{Place, errors, secret};
use crate::operator::{out, xtask};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_goes_from_nothing_to_an_api_that_answers() {
    let place = Place::new().with_administrator().await;
    place.build(|_| String::new());
    let output = place.deploy(&["--sign-up"]);
    assert!(out(&output).contains("grant ADDRESS admin"), "{output:?}");
    let said = errors(&output);
    assert!(said.contains("good: health, unknown route, sign-up, sign-in"), "{said}");
    assert!(said.contains("applied "), "{said}");
    let users = place.database().await.query_one("select count(*) from users", &[]).await.expect("users");
    assert_eq!(users.get::<_, i64>(0), 1);

    // The deployment has made the rights. Its functions share their logins with the stack of the tests.
    let output = xtask().args(["database-roles", "--stack-name", &place.stack]).output().expect("xtask runs");
    let kept = ["migrator", "app", "operations"].map(|role| format!("{role}: its password was kept\n"));
    assert_eq!(out(&output), kept.concat());

    // The same again changes nothing, and says so.
    let output = place.deploy(&[]);
    assert!(!out(&output).contains("grant"), "{output:?}");
    assert!(errors(&output).contains("the stack is up to date"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_migration_leaves_every_other_function_as_it_was() {
    let place = Place::new().with_database().await;
    place.build(|_| "# A".to_owned());
    out(&place.deploy(&[]));
    let before = place.code();
    assert!(before.len() > 40, "{before:?}");

    // The function fails, and Lambda answers with 200 and FunctionError.
    let migrator = format!("{}/database/migrator", place.stack);
    secret(&migrator, r#"{"username": "migrator", "password": "wrong"}"#, None);
    place.build(|_| "# B".to_owned());
    let output = place.deploy(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = errors(&output);
    assert!(said.contains("the migrations failed: ") && said.contains("hint: see the log"), "{said}");
    let after = place.code();
    let changed: BTreeSet<_> = before.keys().filter(|name| before[*name] != after[*name]).collect();
    assert_eq!(changed, BTreeSet::from([&"migrate".to_owned()]));

    secret(&migrator, &place.secrets["database/migrator"].1, None);
    out(&place.deploy(&[]));
    let repaired = place.code();
    assert_eq!(before.keys().filter(|name| before[*name] == repaired[*name]).count(), 0);
}

/// The stack is complete then. Only its database is empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_migration_that_fails_keeps_the_stack_and_the_next_deployment_goes_on() {
    let place = Place::new().with_database().await;
    place.build(|_| String::new());
    let migrator = format!("{}/database/migrator", place.stack);
    secret(&migrator, r#"{"username": "migrator", "password": "wrong"}"#, None);
    let output = place.deploy(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("the migrations failed: "), "{output:?}");
    let functions = place.code();
    assert!(functions.len() > 40, "{functions:?}");

    secret(&migrator, &place.secrets["database/migrator"].1, None);
    assert!(errors(&place.deploy(&[])).contains("applied "));
    assert_eq!(place.code(), functions);
}
