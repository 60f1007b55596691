//! An endpoint that lists the rows of a table: which entity it reads, and the texts that differ for it.

use anyhow::{Context as _, Result, bail};

use super::read;
use super::spec::{Access, Endpoint, Listed, pascal};
use crate::checkout::Checkout;

/// The columns that a new list shows, filters and sorts, if the entity has them. Which others it may show is a
/// decision about each table.
const SHOWN: [&str; 3] = ["uuid", "created_at", "updated_at"];

/// The column that says to whom a row belongs.
const OWNER: &str = "user_uuid";

impl Listed {
    /// Reads which entity the repository of a domain has.
    pub(super) fn of(checkout: &Checkout, domain: &str) -> Result<Self> {
        let domain = domain.replace('-', "_");
        let file = format!("core/src/infrastructure/repository/{domain}.rs");
        let code = read(checkout, &file).with_context(|| {
            format!("`--list {domain}` names no table; write a folder of core/src/domain/, as in orders")
        })?;
        Self::parse(&domain, &code).with_context(|| {
            format!("{file} has no entity with `id` and `uuid`; copy functions/audit-list instead")
        })
    }

    fn parse(domain: &str, code: &str) -> Option<Self> {
        let (entity, rest) = code.split_once("shape!(")?.1.split_once(" {")?;
        let read: Vec<&str> = rest.split_once('}')?.0.split(',').map(str::trim).collect();
        let has_column = |name: &str| code.contains(&format!("Column::new(\"{name}\", "));
        let columns: Vec<_> =
            SHOWN.into_iter().filter(|name| read.contains(name) && has_column(name)).collect();
        (columns.contains(&"uuid") && has_column("id")).then(|| Self {
            domain: domain.to_owned(),
            entity: entity.to_owned(),
            columns,
            has_owner: has_column(OWNER),
        })
    }

    /// Finds the list in the code of a handler.
    pub(super) fn in_handler(checkout: &Checkout, handler: &str) -> Option<Self> {
        let (entity, _) = handler.split_once("ListQuery::parse::<")?.1.split_once('>')?;
        let (before, _) = handler.split_once(&format!("::{entity},\n"))?;
        Self::of(checkout, before.rsplit_once("domain::")?.1).ok()
    }

    /// Fails if an endpoint cannot list these rows.
    pub(super) fn check(&self, endpoint: &Endpoint) -> Result<()> {
        if endpoint.method() != "GET" {
            bail!("`--list` is for GET, not for {}", endpoint.method());
        }
        if let Some(parameter) = endpoint.route.parameters().next() {
            bail!(
                "`--list` cannot use {{{parameter}}}; leave it out of the path, and allow a filter instead"
            );
        }
        match endpoint.access {
            Access::Public => {
                bail!("`--list` needs a caller, so that nobody shows rows by mistake; use `--as signed-in`")
            }
            Access::SignedIn | Access::Recent if !self.has_owner => {
                bail!(
                    "{} has no column {OWNER}, so every caller would see all rows; use a permission",
                    self.domain
                )
            }
            _ => Ok(()),
        }
    }

    /// Whether its callers see their own rows only.
    fn is_own(&self, access: &Access) -> bool {
        !matches!(access, Access::Permission(_)) && self.has_owner
    }

    /// Returns what only a person can decide.
    pub(super) fn decisions(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut decisions = vec![
            "which columns it shows, filters and sorts, and an index for them: its response and ALLOWED"
                .to_owned(),
        ];
        if !self.is_own(&endpoint.access) && self.has_owner {
            decisions.push(format!(
                "whether its callers may see the rows of all users: now there is no filter by {OWNER}"
            ));
        }
        decisions
    }

    /// Returns the code of the handler.
    pub(super) fn handler(&self, endpoint: &Endpoint) -> String {
        let is_time = |column: &&&str| column.ends_with("_at");
        let right = endpoint.access.ty();
        let rights = right.split(['<', '>']).filter(|word| !word.is_empty());
        let orders = self.columns.iter().filter(is_time).map(|column| format!(", \"{column}\""));
        let has_times = self.columns.iter().any(|column| is_time(&column));
        let [caller, query, own] = if self.is_own(&endpoint.access) {
            let own = format!("query.filter = query.filter.eq(\"{OWNER}\", caller.user.uuid);\n");
            ["caller".to_owned(), "mut query".to_owned(), own]
        } else {
            ["_", "query", ""].map(str::to_owned)
        };
        [
            ("<path>", endpoint.route.path.clone()),
            ("<domain>", self.domain.clone()),
            ("<Entity>", self.entity.clone()),
            ("<Name>", pascal(&endpoint.name)),
            ("<title>", endpoint.title()),
            ("<tag>", endpoint.tag().to_owned()),
            ("<module>", endpoint.module()),
            ("<rights>", rights.map(|word| format!("{word}, ")).collect()),
            ("<right>", right.clone()),
            ("<time>", if has_times { "use time::OffsetDateTime;\n".to_owned() } else { String::new() }),
            ("<fields>", self.columns.iter().map(|column| field(column)).collect()),
            ("<filters>", self.columns.iter().map(|column| filter(column)).collect()),
            ("<orders>", "\"id\"".to_owned() + &orders.collect::<String>()),
            (
                "<example>",
                if has_times { "`created_at__gte=2026-01-01T00:00:00Z`" } else { "`uuid__in=…`" }.to_owned(),
            ),
            ("<caller>", caller),
            ("<query>", query),
            ("<own>", own),
        ]
        .into_iter()
        .fold(include_str!("list.rs.txt").to_owned(), |text, (token, value)| text.replace(token, &value))
    }
}

fn field(column: &str) -> String {
    if column.ends_with("_at") {
        format!(
            "        #[serde(with = \"app_core::domain::timestamp\")]\n        {column}: OffsetDateTime,\n"
        )
    } else {
        format!("        {column}: Uuid,\n")
    }
}

fn filter(column: &str) -> String {
    let operators =
        if column.ends_with("_at") { "Op::Gt, Op::Gte, Op::Lt, Op::Lte" } else { "Op::E, Op::In" };
    format!("(\"{column}\", &[{operators}]), ")
}

#[cfg(test)]
mod tests {
    use super::super::names::Route;
    use super::super::rust::formatted;
    use super::*;

    #[test]
    fn an_entity_is_read_from_its_repository() {
        let checkout = Checkout::find().unwrap();
        let users = Listed::of(&checkout, "users").unwrap();
        assert_eq!((users.entity.as_str(), users.has_owner), ("User", false));
        assert_eq!(users.columns, SHOWN);
        for (domain, problem) in [("audit", "copy functions/audit-list"), ("no-such", "`--list no_such`")] {
            let error = Listed::of(&checkout, domain).expect_err("it is refused").to_string();
            assert!(error.contains(problem), "{domain}: {error}");
        }
        let code = "shape!(Tag { uuid });\nColumn::new(\"id\", x), Column::new(\"uuid\", x), Column::new(\"user_uuid\", x)";
        let tags = Listed::parse("tags", code).unwrap();
        assert_eq!((tags.columns, tags.has_owner), (vec!["uuid"], true));
    }

    #[test]
    fn a_list_shows_the_callers_own_rows_unless_a_permission_is_asked() {
        let of = |access, has_owner| {
            let (domain, entity, columns) = ("tags".to_owned(), "Tag".to_owned(), vec!["uuid", "created_at"]);
            let list = Some(Listed { domain, entity, columns, has_owner });
            let route = Route::parse("GET /api/v1/tags/").unwrap();
            Endpoint { name: "tags-list".to_owned(), route, access, idempotent: false, emits: false, list }
        };
        for (access, has_owner, is_own) in [
            (Access::SignedIn, true, true),
            (Access::Recent, true, true),
            (Access::Permission("users:read".to_owned()), true, false),
            (Access::Permission("users:read".to_owned()), false, false),
        ] {
            let endpoint = of(access, has_owner);
            let list = endpoint.list.as_ref().unwrap();
            list.check(&endpoint).unwrap();
            let code = formatted(&list.handler(&endpoint)).unwrap();
            let own = "query.filter = query.filter.eq(\"user_uuid\", caller.user.uuid);";
            assert_eq!(code.contains(own), is_own, "{code}");
            let says_so = list.decisions(&endpoint).iter().any(|text| text.contains("the rows of all users"));
            assert_eq!(says_so, has_owner && !is_own);
        }
        for access in [Access::Public, Access::SignedIn, Access::Recent] {
            let endpoint = of(access, false);
            assert!(endpoint.list.as_ref().unwrap().check(&endpoint).is_err(), "{endpoint:?}");
        }
    }
}
