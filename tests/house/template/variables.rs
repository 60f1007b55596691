//! A function has the variables that its code reads, and no others. Without its variable, a setting has its default
//! in this function, whatever the deployment says.
//!
//! Three rules say which these are. A variable that only some needs read is for functions with one of these needs.
//! If it has a parameter, all of them have it. A variable that every function may read is for the functions
//! of [`USES`].

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use app_core::config::{Config, LIMIT_SETTINGS, Section};
use catalogue::template::parameter;
use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, template},
    holds, refused,
};
use crate::{
    needs::needs,
    routes::{differences, stem},
};

const SECTIONS: [Section; 11] = [
    Section::Database,
    Section::DatabaseRoles,
    Section::Tokens,
    Section::Mail,
    Section::Sms,
    Section::Limits,
    Section::Pseudonyms,
    Section::Challenges,
    Section::KeyValue,
    Section::Queues,
    Section::Kafka,
];

/// Reviewed: how the code of a function begins what a variable is for.
const USES: [(&str, &[&str]); 16] = [
    (
        "ACCESS_TOKEN_EXPIRES_MINUTES",
        &["auth.sign_in(", "auth.reauthenticate(", ".refresh(", ".redeem_code("],
    ),
    ("REFRESH_TOKEN_EXPIRES_DAYS", &["auth.sign_in(", "auth.reauthenticate(", ".refresh(", ".redeem_code("]),
    // A private sign-up needs to know that unconfirmed addresses are kept out.
    ("UNVERIFIED_SIGN_IN", &["auth.sign_in(", "config().private_sign_up"]),
    ("SIGN_UP_ANSWERS", &["config().private_sign_up"]),
    // Others with `Need::Sms` only refuse numbers.
    ("SMS_DAILY_BUDGET", &["app.mail_worker()"]),
    ("SMS_DAILY_BUDGET_COUNTRY", &["app.mail_worker()"]),
    ("KEEP_API_KEYS", &["config.keep_api_keys"]),
    ("PASSWORD_FORBIDDEN_WORDS", &["app.password_policy()"]),
    ("PASSWORD_MIN_LENGTH", &["app.password_policy()"]),
    ("DELETION_GRACE_DAYS", &["app.worker()", ".deletion_grace"]),
    ("UNVERIFIED_ACCOUNT_DAYS", &["app.worker()"]),
    ("QUEUE_RETENTION_SECONDS", &["app.worker()", "app.mail_worker()"]),
    ("MAX_RECEIVE_COUNT", &["queue::main(", "queue::main_kafka("]),
    // An event handler starts tasks. A task may start other tasks, and emit events.
    ("EVENTS_QUEUE_URL", &["Need::Queues", "app.bus()", "queue::events", "app.worker()"]),
    ("TASKS_QUEUE_URL", &["queues_of(EventsBus::Sqs", "queue::events", "app.worker()"]),
    (
        "MAIL_QUEUE_URL",
        &[
            "queues_of(EventsBus::Sqs",
            "queue::events",
            "app.worker()",
            "app.mail_worker()",
            ".ask_to_change_email(",
            ".ask_to_verify(",
            "users.sign_up(",
            ".change_email(",
            ".change_password(",
            ".ask_for_phone(",
            ".ask_to_add_phone(",
            ".confirm_phone(",
            ".remove_phone(",
            ".delete_account(",
            ".forgot_password(",
            ".ask_to_sign_in(",
            ".ask_to_prove(",
            ".reset_password(",
            ".undo_email(",
        ],
    ),
];

/// Reviewed: it relays to Kafka alone, over the same `bus` as the others.
const RELAYS_TO_KAFKA: &str = "outbox-relay-kafka";

pub(super) type Names = BTreeSet<String>;

/// Returns the variables that are read for a section, and for every function.
pub(super) fn read_for(section: Option<Section>) -> Names {
    let found = RefCell::new(Names::new());
    // A setting may be read only where another one is set, or is not set.
    for value in [None, Some("x")] {
        let variable = |name: &str| {
            found.borrow_mut().insert(name.to_owned());
            value.map(str::to_owned)
        };
        drop(Config::read(|needed| Some(needed) == section, variable));
    }
    found.into_inner()
}

/// Returns the variables of each section alone, by the name of its need.
pub(super) fn sections() -> BTreeMap<String, Names> {
    let always = read_for(None);
    let of = |section| read_for(Some(section)).difference(&always).cloned().collect();
    SECTIONS.into_iter().map(|section| (format!("{section:?}"), of(section))).collect()
}

/// Returns the code of a function, without comments.
pub(super) fn code(stem: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/{stem}/src"));
    let files = fs::read_dir(folder).expect("its sources").map(|entry| entry.expect("a file").path());
    let text: String = files.filter_map(|path| fs::read_to_string(path).ok()).collect();
    without_comments(&text)
}

pub(super) fn without_comments(code: &str) -> String {
    code.lines().flat_map(|line| [line.split("//").next().unwrap_or_default(), "\n"]).collect()
}

pub(super) fn set_in(function: &Value) -> Names {
    let variables = function["Environment"]["Variables"].as_object();
    variables.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// Returns the parameter with the name of a variable, or its queue: `MAIL_FROM` is `MailFrom`.
pub(super) fn source(template: &Value, variable: &str) -> Option<String> {
    let name = parameter(variable);
    match name.strip_suffix("QueueUrl") {
        Some(queue) => Some(format!("{queue}Queue")),
        None => Some(name).filter(|name| !template["Parameters"][name].is_null()),
    }
}

fn is_used(variable: &str, stem: &str, code: &str) -> bool {
    let calls = USES.iter().find(|(known, _)| *known == variable).map_or(&[][..], |(_, calls)| *calls);
    stem != RELAYS_TO_KAFKA && calls.iter().any(|call| code.contains(call))
}

/// Returns the variables that a function must have, among the ones that this test judges.
fn wanted(template: &Value, stem: &str, code: &str, sections: &BTreeMap<String, Names>) -> Names {
    let of_needs = needs(code).into_iter().filter_map(|need| sections.get(need)).flatten();
    let is_finer = |name: &&String| !USES.iter().any(|(known, _)| known == name);
    let of_needs = of_needs.filter(is_finer).filter(|name| !LIMIT_SETTINGS.contains(&name.as_str()));
    let of_needs = of_needs.filter(|name| source(template, name).is_some()).cloned();
    let of_code = USES.iter().map(|(name, _)| (*name).to_owned()).filter(|name| is_used(name, stem, code));
    of_needs.chain(of_code).collect()
}

fn variables_are_those_that_the_code_reads(template: &Value) -> Faults {
    let (always, sections) = (read_for(None), sections());
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let (stem, set) = (stem(id), set_in(function));
        let code = code(&stem);
        let wanted = wanted(template, &stem, &code, &sections);
        let needs = needs(&code);
        for name in &set {
            let of_section = needs.iter().any(|need| sections.get(*need).is_some_and(|of| of.contains(name)));
            let is_judged = USES.iter().any(|(known, _)| known == name);
            if !is_judged && always.contains(name) {
                faults.push(format!("{stem}: {name} is in function.yaml and not in USES"));
            } else if !is_judged && !of_section {
                faults.push(format!("{stem}: no need of this function reads {name}"));
            }
        }
        let judged = set
            .into_iter()
            .filter(|name| wanted.contains(name) || USES.iter().any(|(known, _)| known == name));
        let found = differences(("its code", &wanted), ("function.yaml", &judged.collect()));
        faults.extend(found.into_iter().map(|fault| format!("{stem}: {fault}")));
    }
    faults
}

pub(super) const ALL: &str = "Properties/Environment/Variables";

/// Returns the variables of a function without one of them, and with another one.
fn changed(function: &str, without: &str, with: &str) -> Value {
    let pointer = format!("/Resources/{function}/{ALL}");
    let mut variables = template().pointer(&pointer).expect("its variables").clone();
    let all = variables.as_object_mut().expect("variables");
    assert!(without.is_empty() || all.remove(without).is_some(), "{function} has no {without}");
    if !with.is_empty() {
        all.insert(with.to_owned(), json!("x"));
    }
    variables
}

#[test]
fn a_function_has_the_variables_that_it_reads_and_no_others() {
    let check = variables_are_those_that_the_code_reads;
    holds(&check(&template()));
    for (function, without, with, fault) in [
        (
            "AuthTokens",
            "UNVERIFIED_SIGN_IN",
            "",
            "auth-tokens: UNVERIFIED_SIGN_IN is in its code and not in function.yaml",
        ),
        (
            "AuthTokensRefresh",
            "REFRESH_TOKEN_EXPIRES_DAYS",
            "",
            "auth-tokens-refresh: REFRESH_TOKEN_EXPIRES_DAYS is in its code and not in function.yaml",
        ),
        (
            "AuthPasswordReset",
            "KEEP_API_KEYS",
            "",
            "auth-password-reset: KEEP_API_KEYS is in its code and not in function.yaml",
        ),
        (
            "AuthPasswordReset",
            "MAIL_QUEUE_URL",
            "",
            "auth-password-reset: MAIL_QUEUE_URL is in its code and not in function.yaml",
        ),
        (
            "AuthSignUp",
            "PASSWORD_MIN_LENGTH",
            "",
            "auth-sign-up: PASSWORD_MIN_LENGTH is in its code and not in function.yaml",
        ),
        (
            "TasksWorker",
            "DELETION_GRACE_DAYS",
            "",
            "tasks-worker: DELETION_GRACE_DAYS is in its code and not in function.yaml",
        ),
        (
            "MailWorker",
            "MAIL_LANGUAGE",
            "",
            "mail-worker: MAIL_LANGUAGE is in its code and not in function.yaml",
        ),
        ("MailWorker", "APP_URL", "", "mail-worker: APP_URL is in its code and not in function.yaml"),
        (
            "OutboxRelayKafka",
            "KAFKA_TOPIC",
            "",
            "outbox-relay-kafka: KAFKA_TOPIC is in its code and not in function.yaml",
        ),
        ("UsersMe", "", "KEEP_API_KEYS", "users-me: KEEP_API_KEYS is in function.yaml and not in its code"),
        ("UsersMe", "", "MAIL_FROM", "users-me: no need of this function reads MAIL_FROM"),
        (
            "UsersMe",
            "",
            "API_DEFAULT_LIMIT",
            "users-me: API_DEFAULT_LIMIT is in function.yaml and not in USES",
        ),
        ("UsersMe", "", "APP_ULR", "users-me: no need of this function reads APP_ULR"),
    ] {
        let function = format!("{function}Function");
        refused(check, &format!("/Resources/{function}/{ALL}"), changed(&function, without, with), fault);
    }
}

#[test]
fn every_function_reads_the_shared_variables() {
    let all = SECTIONS.iter().flat_map(|section| read_for(Some(*section))).collect::<Names>();
    let shared = set_in(&template()["Globals"]["Function"]);
    assert!(shared.contains("PROJECT_NAME"), "{shared:?}");
    assert_eq!(shared.difference(&all).collect::<Vec<_>>(), Vec::<&String>::new());
    // Otherwise the sections would not be told apart.
    let sections = sections();
    assert!(sections["Mail"].contains("MAIL_FROM") && sections["Tokens"].contains("MAX_SESSIONS_PER_USER"));
    assert!(!read_for(None).contains("MAIL_FROM") && read_for(None).contains("MAIL_QUEUE_URL"));
}
