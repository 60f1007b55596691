//! `cargo xtask new` and `remove`, in a copy of the project: what `new` writes compiles, its tests pass, and after
//! `remove` the copy is as before.
//!
//! One copy and one build serve all kinds. With `SLOW_TESTS=1` every combination of an endpoint is built.

mod copy;
mod kinds;

use std::fs;
use std::path::Path;
use std::process::Command;

use xtask::checkout::Checkout;
use xtask::generate::project::Names;

use copy::{Copy, Tree, different};

/// What the commands generate from the code, so that nobody edits it.
const GENERATED: [&str; 7] = [
    "Cargo.lock",
    "catalogue/Cargo.toml",
    "docs/log-lines.md",
    "docs/messages.json",
    "docs/openapi.json",
    "docs/routes.md",
    "template.yaml",
];

#[test]
fn what_new_adds_compiles_passes_its_tests_and_goes_without_a_trace() {
    let checkout = Checkout::find().expect("the checkout");
    let copy = Copy::of(&checkout, "checkout");
    let before = copy.tree();
    refusals(&copy, &before);
    an_endpoint(&copy, &before);
    kinds::all_at_once(&copy, &before);
}

fn refusals(copy: &Copy, before: &Tree) {
    for (arguments, problem) in [
        (["Zebras", "POST /api/v1/zebras/", "public"], "the name `Zebras` is not valid"),
        (["zebras-of-all-savannas", "POST /api/v1/zebras/", "public"], "has 22 characters; use at most 21"),
        (["users-me", "POST /api/v1/zebras/", "public"], "functions/users-me exists"),
        (["serde", "POST /api/v1/zebras/", "public"], "a package is named `serde`"),
        (["zebras-create", "POST zebras", "public"], "the path `zebras` is not valid"),
        (["zebras-create", "GET /api/v1/users/me/", "public"], "belongs to the function users-me"),
        (["zebras-create", "GET /api/v1/users/{id}/", "public"], "is called {uuid} in functions/users-"),
        (["zebras-create", "POST /api/v1/zebras/", "zebras:ride"], "`--as zebras:ride` is not known"),
    ] {
        let [name, route, access] = arguments;
        copy.refuses(&["new", "endpoint", name, route, "--as", access], problem);
    }
    for (route, access, domain, problem) in [
        ("GET /api/v1/zebras/", "public", "users", "`--list` needs a caller"),
        ("GET /api/v1/zebras/", "signed-in", "users", "users has no column user_uuid"),
        ("GET /api/v1/zebras/", "users:read", "zebras", "`--list zebras` names no table"),
        ("GET /api/v1/zebras/{id}/", "users:read", "users", "`--list` cannot use {id}"),
        ("POST /api/v1/zebras/", "users:read", "users", "`--list` is for GET"),
    ] {
        copy.refuses(&["new", "endpoint", "zebras-all", route, "--as", access, "--list", domain], problem);
    }
    for (arguments, problem) in [
        (&["remove", "endpoint", "events-consumer"][..], "does not list events-consumer"),
        (&["new", "task", "Count"], "the name `Count` of the task is not valid"),
        (&["new", "task", "say-meow"], "core/src/application/tasks/say_meow.rs exists"),
        (&["remove", "task", "say-meow"], "tests/queue/say_meow.rs does not exist"),
        (&["new", "event", "zebra_seen"], "`zebra_seen` names no domain"),
        (&["new", "event", "zebras/zebra_seen"], "core/src/domain/zebras/mod.rs does not exist"),
        (&["new", "event", "users/user_created"], "has an event `user_created`"),
        (&["remove", "event", "users/user_created"], "has not written users/user_created"),
        (&["new", "project", "Zebra"], "the name `Zebra` is not valid"),
        (&["new", "project", "zebra", "--title", "a: b"], "the title `a: b` is not valid"),
    ] {
        copy.refuses(arguments, problem);
    }
    let Names { name, title, project } = copy.names();
    copy.refuses(
        &["new", "project", &name, "--title", &title, "--issuer", &project],
        "has these names already",
    );
    // A work tree with changes.
    let git = Command::new("git").args(["init", "--quiet"]).current_dir(&copy.folder).status();
    assert!(git.expect("git runs").success());
    copy.refuses(&["new", "project", "zebra"], "commit them first");
    fs::remove_dir_all(copy.folder.join(".git")).expect("it goes");
    assert_eq!(different(&copy.tree(), before), [""; 0], "a refused command changes nothing");
}

/// The commands as they are typed: they write the documents, too.
fn an_endpoint(copy: &Copy, before: &Tree) {
    let route = "POST /api/v1/zebras/";
    copy.does(&["new", "endpoint", "zebras-create", route, "--as", "signed-in", "--idempotent"]);
    let after = copy.tree();
    let (new, edited): (Vec<_>, Vec<_>) = different(&after, before)
        .into_iter()
        .filter(|file| !GENERATED.contains(&file.as_str()) && !copy.folder.join(file).is_dir())
        .partition(|file| !before.contains_key(Path::new(file)));
    // The sample event only repeats the route and the body, so nobody has to maintain it.
    let (samples, files): (Vec<_>, Vec<_>) = new.into_iter().partition(|file| file.starts_with("events/"));
    assert_eq!((samples.len(), files.len()), (1, 5), "{files:?}");
    assert_eq!(edited, [""; 0]);
    let document = fs::read_to_string(copy.folder.join("docs/openapi.json")).expect("the document");
    assert!(document.contains("/api/v1/zebras/"), "the document is generated again");

    // An engineer's change is not deleted without being asked.
    let test = copy.folder.join("functions/zebras-create/tests.rs");
    let written = fs::read_to_string(&test).expect("its test");
    fs::write(&test, format!("{written}// A change.\n")).expect("a change");
    let remove = ["remove", "endpoint", "zebras-create"];
    copy.refuses(&remove, "--force deletes your changes in: functions/zebras-create/tests.rs");
    fs::write(&test, written).expect("the change goes");
    assert_eq!(different(&copy.tree(), &after), [""; 0], "a refused command changes nothing");

    copy.does(&remove);
    copy.is_as(before);
}

#[test]
fn a_new_migration_is_two_files_and_goes_without_a_trace() {
    let checkout = Checkout::find().expect("the checkout");
    let copy = Copy::of(&checkout, "migrations");
    let before = copy.tree();
    copy.refuses(&["new", "migration", "Add-Zebras"], "`Add-Zebras` is not a valid name");
    copy.refuses(&["new", "migration", "users"], "a migration of that name exists: migrations/0001_users");
    copy.refuses(&["remove", "migration", "users"], "0001_users.down.sql has statements");
    copy.refuses(&["remove", "migration", "zebras"], "there is no migration `zebras`");
    copy.does(&["new", "migration", "add_zebras"]);
    let new = different(&copy.tree(), &before);
    assert!(
        matches!(&new[..], [down, up] if down.ends_with("_add_zebras.down.sql") && up.ends_with("_add_zebras.up.sql"))
    );
    copy.does(&["remove", "migration", "add_zebras"]);
    copy.is_as(&before);
}
