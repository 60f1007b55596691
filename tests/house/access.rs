//! Every route says who may call it. A reviewed list has the routes that are open to anybody, and the description of
//! the API agrees with it.

use std::collections::{BTreeMap, BTreeSet};

use app_core::interfaces::http::Access;
use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::{Value, json};

use super::{
    routes::{UNDOCUMENTED, differences, stem},
    template::document::{self, functions, template},
};

/// Reviewed: these do without a caller. A route that joins them needs a reason here.
const PUBLIC: [&str; 13] = [
    "auth-code",            // nobody is known yet; limited by address and account
    "auth-code-redeem", // takes a secret from a mail and the verifier of the client that asked; limited by address
    "auth-email-confirm", // takes a secret from a mail; limited by address
    "auth-email-undo",  // the same
    "users-me-restore", // takes a secret from a mail or a sign-in; limited by address
    "auth-email-verify", // takes a secret from a mail and a proof of the sign-up; limited by address
    "auth-password-forgot", // nobody is known yet; limited by address and account
    "auth-password-reset", // takes a secret from a mail; limited by address
    "auth-phone-confirm", // takes a code from a phone and its asker; limited by address
    "auth-sign-up",     // nobody is known yet; limited by address
    "auth-tokens",      // the same, limited by address and account
    "docs",             // what the repository says anyway, and only with SHOW_API_DOCS
    "debug-health-check", // load balancers sign in nowhere; it tells which dependency is down and no more
];

/// Reviewed: these take a refresh token, which their use case checks.
const REFRESHING: [&str; 1] = ["auth-tokens-refresh"];

/// Reviewed: these take an access or a refresh token, which their use case checks.
const EITHER_TOKEN: [&str; 1] = ["auth-sign-out"];

/// Reviewed: these are worth a stolen session, and so their users prove their identity again.
const STEP_UP: [&str; 6] = [
    "users-me-delete",   // the account, and all sessions
    "api-keys-create",   // a key lives for up to a year
    "auth-email-change", // a reader of the mails of an address can set a password
    "auth-phone",        // a number signs in
    "auth-phone-remove", // it is the way back in of a user who has lost the mailbox
    "users-me-export",   // all data about a user at once
];

/// Reviewed: the same for RPC methods.
const PUBLIC_METHODS: [&str; 2] = [
    "/grpc.health.v1.Health/Check", // as debug-health-check
    "/grpc.pb.debug.DebugService/HealthCheck",
];

fn declared() -> BTreeMap<&'static str, Access> {
    catalogue::endpoints().into_iter().map(|endpoint| (endpoint.name, endpoint.access)).collect()
}

/// `GET /api/v1/users/me/`, by function.
fn routes() -> Vec<(String, String)> {
    let template = template();
    let mut routes = Vec::new();
    for (id, function) in functions(&template) {
        for event in document::routes(function).into_iter().filter(|event| event["Method"] != "OPTIONS") {
            let (method, path) = (&event["Method"], &event["Path"]);
            let (method, path) = (method.as_str().expect("a method"), path.as_str().expect("a path"));
            routes.push((stem(id), format!("{} {path}/", method.to_lowercase())));
        }
    }
    routes
}

#[test]
fn every_route_of_the_template_declares_who_may_call_it() {
    let routes: BTreeSet<String> = routes().into_iter().map(|(function, _)| function).collect();
    let declared = declared().into_keys().map(str::to_owned).collect();
    let found = differences(("template.yaml", &routes), ("the catalogue", &declared));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_is_open_to_anybody_is_a_reviewed_list() {
    let named = |access: Access| -> BTreeSet<&str> {
        declared().into_iter().filter(|(_, declared)| *declared == access).map(|(name, _)| name).collect()
    };
    assert_eq!(named(Access::Public), BTreeSet::from(PUBLIC));
    assert_eq!(named(Access::RefreshToken), BTreeSet::from(REFRESHING));
    assert_eq!(named(Access::SessionToken), BTreeSet::from(EITHER_TOKEN));
    let recent = declared().into_iter().filter(|(_, declared)| matches!(declared, Access::Recent(_)));
    assert_eq!(recent.map(|(name, _)| name).collect::<BTreeSet<_>>(), BTreeSet::from(STEP_UP));
}

/// Reviewed: these change something for somebody signed in and take no `Idempotency-Key`.
const WITHOUT_KEY: [&str; 4] = [
    "auth-sign-out",       // the first one ends the session that the second would need
    "users-me-delete",     // the same
    "api-keys-create",     // its response is a key, which must not be kept
    "auth-reauthenticate", // its response is a pair of tokens, and its body a password
];

/// Reviewed: these take one although the caller is not signed in; the request itself identifies the caller.
const KEY_OF_A_STRANGER: [&str; 1] = ["auth-sign-up"];

#[test]
fn every_other_route_that_changes_something_for_a_caller_takes_an_idempotency_key() {
    let document: Value = serde_json::from_str(&catalogue::openapi::document()).expect("json");
    let declared = declared();
    let endpoints = catalogue::endpoints();
    let named: Vec<&str> = endpoints.iter().filter(|one| one.idempotent).map(|one| one.name).collect();
    for (function, route) in routes() {
        let (method, path) = route.split_once(' ').expect("two words");
        let access = declared[function.as_str()];
        let unsafe_for_a_caller = method != "get" && !matches!(access, Access::Public | Access::RefreshToken);
        let reviewed = KEY_OF_A_STRANGER.contains(&function.as_str());
        let expected = reviewed || unsafe_for_a_caller && !WITHOUT_KEY.contains(&function.as_str());
        let parameters =
            document["paths"][path][method]["parameters"].as_array().cloned().unwrap_or_default();
        let described = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(described, expected, "{function}: described");
        let wait = &document["paths"][path][method]["responses"]["409"]["headers"]["Retry-After"];
        assert_eq!(wait.is_object(), expected, "{function}: how long to wait for a request in progress");
        assert_eq!(named.contains(&function.as_str()), expected, "{function}: answered once");
    }
}

#[test]
fn every_rpc_method_is_defined_served_and_declares_who_may_call_it() {
    let defined = FileDescriptorSet::decode(grpc::DESCRIPTORS).expect("a set of descriptors");
    let defined: BTreeSet<String> = defined
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file.package(), service)))
        .flat_map(|(package, service)| {
            let path = move |method: &str| format!("/{package}.{}/{method}", service.name());
            service.method.iter().map(move |method| path(method.name()))
        })
        .collect();
    let methods = catalogue::methods();
    let served = methods.iter().map(|(path, _)| (*path).to_owned()).collect();
    let found = differences(("protos/", &defined), ("functions/grpc", &served));
    assert!(found.is_empty(), "{found:#?}");
    let public = methods.iter().filter(|(_, access)| *access == Access::Public);
    assert_eq!(public.map(|(path, _)| *path).collect::<BTreeSet<_>>(), BTreeSet::from(PUBLIC_METHODS));
}

/// Reviewed: these return 403 to some of their callers, who have to do something else first.
const FORBIDDEN_TO_SOME: [&str; 4] = [
    "auth-email-verify",    // callers who send a link and nothing else
    "auth-password-change", // users without a password; others send their password
    "auth-reauthenticate",  // callers whose access token is not the latest
    "auth-tokens",          // users whose account will be erased: they restore it
];

/// Reviewed: these are open to anybody, and know some callers by what they send.
const OPEN_WITH_401: [&str; 2] = [
    "auth-email-confirm", // a code counts only with the session of who asked
    "auth-tokens",        // an address and its password
];

#[test]
fn the_description_says_what_the_handlers_declare() {
    let document: Value = serde_json::from_str(&catalogue::openapi::document()).expect("json");
    let declared = declared();
    for (function, route) in routes().into_iter().filter(|(function, _)| function != UNDOCUMENTED) {
        let (method, path) = route.split_once(' ').expect("two words");
        // HEAD is answered like GET, and is not described again.
        let method = if method == "head" { "get" } else { method };
        let operation = &document["paths"][path][method];
        let expected = match declared[function.as_str()] {
            Access::Public => json!([]),
            Access::RefreshToken | Access::SessionToken | Access::SignedIn | Access::Recent(None) => {
                json!([{ "bearer": [] }])
            }
            Access::Permission(permission) | Access::Recent(Some(permission)) => {
                json!([{ "bearer": [permission.as_str()] }])
            }
            Access::PermissionOrKey(permission) => {
                json!([{ "bearer": [permission.as_str()] }, { "api_key": [permission.as_str()] }])
            }
        };
        assert_eq!(operation["security"], expected, "{route}");
        let refuses = |status: &str| operation["responses"].get(status).is_some();
        assert_eq!(
            refuses("401"),
            declared[function.as_str()] != Access::Public || OPEN_WITH_401.contains(&function.as_str()),
            "{route}: 401"
        );
        let by_type = matches!(
            declared[function.as_str()],
            Access::Permission(_) | Access::PermissionOrKey(_) | Access::Recent(_)
        );
        assert_eq!(refuses("403"), by_type || FORBIDDEN_TO_SOME.contains(&function.as_str()), "{route}: 403");
    }
}
