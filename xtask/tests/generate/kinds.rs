//! One of each kind that `new` knows, in one build, under another name of the product.

use std::fs;

use xtask::generate::domain::{self, Part};
use xtask::generate::{catalogue, endpoint, event, migration, permission, project, task};

use crate::copy::{Copy, Tree};

/// A permission that `new permission` adds first.
const RIDE: &str = "zebras:ride";

/// An endpoint as the command line says it.
struct Kind {
    name: String,
    route: String,
    access: String,
    idempotent: bool,
    list: Option<&'static str>,
}

impl Kind {
    fn new(name: &str, route: &str, access: &str, idempotent: bool) -> Self {
        let [name, route, access] = [name, route, access].map(str::to_owned);
        Self { name, route, access, idempotent, list: None }
    }

    /// One that lists the rows of a domain.
    fn list(name: &str, route: &str, access: &str, domain: &'static str) -> Self {
        Self { list: Some(domain), ..Self::new(name, route, access, false) }
    }

    /// How many tests `new endpoint` writes for it.
    fn tests(&self) -> usize {
        let reads_a_body = ["POST", "PUT", "PATCH"].iter().any(|method| self.route.starts_with(method));
        let of = [
            true,
            self.access != "public",
            self.access.contains(':'),
            self.access == "recent",
            reads_a_body,
            self.route.contains("{uuid}"),
            self.idempotent,
            self.list.is_some(),
        ];
        of.into_iter().filter(|has| *has).count()
    }
}

/// Each method, each kind of caller, parameters of both types, with and without an `Idempotency-Key`.
fn one_of_each() -> Vec<Kind> {
    vec![
        Kind::new("zebras-list", "GET /api/v1/zebras/", "public", false),
        Kind::new("zebras-create", "POST /api/v1/zebras/", "signed-in", true),
        Kind::new("zebras-get", "GET /api/v1/zebras/{uuid}/", RIDE, false),
        Kind::new("zebras-update", "PATCH /api/v1/zebras/{uuid}/", RIDE, true),
        Kind::new("zebras-replace", "PUT /api/v1/zebras/{uuid}/", "signed-in", false),
        Kind::new("zebras-delete", "DELETE /api/v1/zebras/{uuid}/", "signed-in", true),
        Kind::new("zebras-saddle", "POST /api/v1/zebras/{uuid}/saddles/", "recent", true),
        Kind::new("zebras-stripe", "GET /api/v1/zebras/{uuid}/stripes/{id}/", "public", false),
        Kind::list("zebras-riders", "GET /api/v1/zebras-riders/", RIDE, "users"),
        Kind::list("zebras-llamas", "GET /api/v1/zebras-llamas/", "signed-in", "llamas"),
    ]
}

/// Every combination for callers without a permission, each method with a recent proof, and each permission with
/// one of them.
fn every_combination(permissions: &[String]) -> Vec<Kind> {
    let (mut kinds, methods) = (Vec::new(), ["GET", "POST", "PUT", "PATCH", "DELETE"]);
    let mut add = |method: &str, end: &str, access: &str, idempotent| {
        let number = kinds.len();
        let route = format!("{method} /api/v1/zebras-{number}/{end}");
        kinds.push(Kind::new(&format!("zebras-n{number}"), &route, access, idempotent));
    };
    for method in methods {
        for end in ["", "{uuid}/", "{id}/"] {
            add(method, end, "public", false);
            add(method, end, "signed-in", false);
            if method != "GET" {
                add(method, end, "signed-in", true);
            }
        }
    }
    for method in methods {
        add(method, "{uuid}/", "recent", method != "GET");
    }
    for (number, permission) in permissions.iter().enumerate() {
        let method = methods[number % methods.len()];
        add(method, "{uuid}/", permission, method != "GET");
    }
    kinds
}

#[expect(clippy::disallowed_methods, reason = "a variable of the developer's shell")]
fn slow() -> bool {
    std::env::var_os("SLOW_TESTS").is_some_and(|value| !value.is_empty())
}

/// Adds everything, runs its tests, and takes it away again. Nothing here generates the documents, so that the
/// tests are the only build.
pub(crate) fn all_at_once(copy: &Copy, before: &Tree) {
    let slow = slow();
    let names = copy.names();
    copy.apply(|checkout| project::rename(checkout, "zebra-rides", None, None));
    copy.apply(|checkout| permission::add(checkout, RIDE, "Ride every zebra"));
    copy.apply(|checkout| migration::add(checkout, "add_zebras"));
    copy.apply(|checkout| task::add(checkout, "count-zebras", false));
    copy.apply(|checkout| task::add(checkout, "praise-zebras", true));
    copy.apply(|checkout| event::add(checkout, "users/zebra_seen"));
    copy.write("core/src/domain/zebras/mod.rs", "//! Zebras.\n");
    copy.edit("core/src/domain/mod.rs", "\npub mod users;\n", "\npub mod users;\npub mod zebras;\n");
    copy.apply(|checkout| event::add(checkout, "zebras/zebra_born"));
    // One endpoint, several with a shared response, and none; a name of one word, and of two.
    copy.apply(|checkout| domain::add(checkout, "llamas", None, &[Part::Create]));
    let parts = [Part::Create, Part::List, Part::Get];
    copy.apply(|checkout| domain::add(checkout, "pack-oxen", Some("pack-ox"), &parts));
    copy.apply(|checkout| domain::add(checkout, "yaks", None, &[]));
    let mut kinds = one_of_each();
    if slow {
        let checkout = copy.checkout();
        kinds.extend(every_combination(&permission::words(&checkout).expect("the permissions")));
    }
    for Kind { name, route, access, idempotent, list } in &kinds {
        let asked = endpoint::Asked { name, route, access, idempotent: *idempotent, list: *list };
        copy.apply(|checkout| endpoint::add(checkout, asked));
    }
    catalogue::write(&copy.checkout()).expect("the list of endpoints");
    // A second new name finds the first one.
    copy.apply(|checkout| project::rename(checkout, "zebra", Some("Zebra Inc"), Some("ZEBRA")));
    assert_eq!(copy.names().title, "Zebra Inc");

    // Each task and each event has two tests. Of a domain, `create` has five, `get` three and `list` four.
    let expected = kinds.iter().map(Kind::tests).sum::<usize>() + 4 * 2 + 5 + (5 + 3 + 4);
    let said = copy.test(&[
        "functions::zebras_",
        "functions::llamas_",
        "functions::pack_oxen_",
        "count_zebras::",
        "praise_zebras::",
        "zebra_seen::",
        "zebra_born::",
    ]);
    let passed = said.split(" passed").filter_map(|text| text.rsplit(' ').next()?.parse::<usize>().ok());
    assert_eq!(passed.sum::<usize>(), expected, "{said}");
    if slow {
        copy.does(&["openapi"]);
    }

    let checkout = copy.checkout();
    for removed in [
        domain::remove(&checkout, "llamas", false),
        permission::remove(&checkout, RIDE),
        migration::remove(&checkout, "add_zebras"),
    ] {
        let said = removed.expect("it may be removed").decisions;
        assert!(said.iter().any(|text| text.contains("run `cargo xtask migrate down`")), "{said:?}");
    }
    for Kind { name, .. } in &kinds {
        copy.apply(|checkout| endpoint::remove(checkout, name, false));
    }
    copy.apply(|checkout| domain::remove(checkout, "pack-oxen", false));
    copy.apply(|checkout| domain::remove(checkout, "llamas", false));
    copy.apply(|checkout| domain::remove(checkout, "yaks", false));
    copy.apply(|checkout| event::remove(checkout, "zebras/zebra_born", false));
    fs::remove_dir_all(copy.folder.join("core/src/domain/zebras")).expect("it goes");
    copy.edit("core/src/domain/mod.rs", "pub mod zebras;\n", "");
    copy.apply(|checkout| event::remove(checkout, "users/zebra_seen", false));
    copy.apply(|checkout| task::remove(checkout, "praise-zebras", false));
    copy.apply(|checkout| task::remove(checkout, "count-zebras", false));
    copy.apply(|checkout| migration::remove(checkout, "add_zebras"));
    copy.apply(|checkout| permission::remove(checkout, RIDE));
    copy.apply(|checkout| project::rename(checkout, &names.name, Some(&names.title), Some(&names.project)));
    catalogue::write(&copy.checkout()).expect("the list of endpoints");
    copy.lock();
    if slow {
        copy.does(&["openapi"]);
    }
    copy.is_as(before);
}
