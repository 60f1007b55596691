//! A new endpoint as a value, and what follows from its name, its route and its caller.

use super::names::Route;

/// Who may call an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    Public,
    SignedIn,
    /// A user who is signed in and has proved their identity recently.
    Recent,
    /// A word such as `users:read`.
    Permission(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) route: Route,
    pub(super) access: Access,
    pub(super) idempotent: bool,
    /// Whether it sends events, as those of a domain do.
    pub(super) emits: bool,
    /// What it lists, with filters, order and pages.
    pub(super) list: Option<Listed>,
}

/// What an endpoint lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// The folder of the entity in core/src/domain/.
    pub(super) domain: String,
    pub(super) entity: String,
    /// The columns that it shows, filters and sorts.
    pub(super) columns: Vec<&'static str>,
    /// Whether a column says to whom a row belongs.
    pub(super) has_owner: bool,
}

/// Last words of a name that come first in a sentence.
const VERBS: &[&str] = &[
    "add", "approve", "cancel", "change", "check", "confirm", "create", "delete", "get", "list", "place",
    "remove", "replace", "revoke", "send", "start", "stop", "update",
];

/// Returns `UsersRead` for `users:read`, and `UsersRead` for `users-read`.
pub(super) fn pascal(words: &str) -> String {
    let word = |word: &str| word.split_at_checked(1).map_or(String::new(), |(a, b)| a.to_uppercase() + b);
    words.split([':', '_', '-']).map(word).collect()
}

/// Returns `Count orders` for `count_orders`.
pub(super) fn sentence(name: &str) -> String {
    let words = name.replace('_', " ");
    words.split_at_checked(1).map_or(String::new(), |(first, rest)| first.to_uppercase() + rest)
}

impl Access {
    /// Returns its type, as in `Recent<SignedIn>`.
    pub(super) fn ty(&self) -> String {
        match self {
            Self::Public => "Public".to_owned(),
            Self::SignedIn => "SignedIn".to_owned(),
            Self::Recent => "Recent<SignedIn>".to_owned(),
            Self::Permission(word) => pascal(word),
        }
    }
}

impl Endpoint {
    /// Returns the name of its crate, its module and its operation.
    pub(super) fn module(&self) -> String {
        self.name.replace('-', "_")
    }

    pub(super) fn tag(&self) -> &str {
        self.route.path.split('/').nth(3).unwrap_or_default()
    }

    pub(super) fn title(&self) -> String {
        let words: Vec<&str> = self.name.split('-').collect();
        let title = match words.split_last() {
            Some((verb, rest)) if !rest.is_empty() && VERBS.contains(verb) => {
                format!("{verb} {}", rest.join(" "))
            }
            _ => words.join(" "),
        };
        sentence(&title)
    }

    pub(super) fn method(&self) -> &str {
        &self.route.method
    }

    pub(super) fn takes_body(&self) -> bool {
        ["POST", "PUT", "PATCH"].contains(&self.method())
    }

    pub(super) fn returns_body(&self) -> bool {
        self.method() != "DELETE"
    }

    /// Whether its response has a new id.
    pub(super) fn makes_id(&self) -> bool {
        self.method() == "POST" && !self.route.parameters().any(|name| name == "id")
    }

    pub(super) fn status(&self) -> u16 {
        match self.method() {
            "POST" => 201,
            "DELETE" => 204,
            _ => 200,
        }
    }

    pub(super) fn has_uuid(&self) -> bool {
        self.route.parameters().any(|name| name == "uuid")
    }

    /// Whether its code names the type `Uuid`.
    pub(super) fn names_uuid(&self) -> bool {
        self.returns_body() && (self.makes_id() || self.has_uuid() || self.returns_caller())
    }

    /// Whether it returns who calls, as a GET does at first.
    pub(super) fn returns_caller(&self) -> bool {
        self.method() == "GET" && self.access != Access::Public
    }
}
