//! The defaults, the ranges and the words of docs/settings.md are those of the code. The code says them itself: it is
//! started with each default, without each required setting, and with a value that no setting accepts.

use std::collections::BTreeMap;

use app_core::config::{Config, Section};

use super::front_door::{code, read, rows};

/// Settings that telemetry reads before there is a configuration, which only checks them.
const NOT_KEPT: [&str; 3] = ["LOG_LEVEL", "STACK_NAME", "TRACES"];

/// A function with all needs, except the one that has no queue of events.
const GOOD: [(&str, &str); 9] = [
    ("LAUNCH_MODE", "TEST"),
    ("PROJECT_NAME", "APP"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("HMAC_KEY", "0123456789abcdef0123456789abcdef"),
    ("CHALLENGE_KEYS", "0123456789abcdef0123456789abcdef"),
    ("DB_HOST", "127.0.0.1"),
    ("DB_NAME", "app"),
    ("EVENTS_QUEUE_URL", "http://127.0.0.1/events"),
    ("DB_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:000000000000:secret:app-aaaaaa"),
];

/// And what the function that sends to Kafka has in addition.
const KAFKA: [(&str, &str); 5] = [
    ("EVENTS_BUS", "kafka"),
    ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
    ("KAFKA_TOPIC", "events"),
    ("KAFKA_USERNAME", "app"),
    ("KAFKA_PASSWORD", "app"),
];

/// Returns the configuration of a function, as text, or what is wrong with it. `None` leaves the setting out.
fn start(setting: &str, value: Option<&str>) -> Result<String, String> {
    let kafka = setting.starts_with("KAFKA_");
    let mut variables: BTreeMap<&str, &str> = GOOD.into_iter().collect();
    if kafka {
        variables.extend(KAFKA);
    }
    variables.remove(setting);
    variables.extend(value.map(|value| (setting, value)));
    let needs = |section| section != Section::Kafka || kafka;
    let config = Config::read(needs, |name| variables.get(name).map(|value| (*value).to_owned()));
    config.map(|config| format!("{config:?}")).map_err(|error| error.to_string())
}

/// Returns what a row of the page says otherwise than the code.
fn faults(row: &[&str]) -> Vec<String> {
    let (setting, default, meaning) = (code(row[0]).next().unwrap_or_default(), row[1], row[2]);
    let mut faults = Vec::new();
    let without = start(setting, None);
    if default == "required" && !without.as_ref().is_err_and(|error| error.contains(setting)) {
        faults.push(format!("{setting} is not required"));
    }
    if let Some(value) = code(default).next()
        && !default.starts_with("required")
        && start(setting, Some(value)) != without
    {
        faults.push(format!("{setting} has another default than `{value}`"));
    }
    let strange = start(setting, Some("?"));
    let Err(refused) = &strange else {
        // Any text is accepted. The default must be kept, so that the comparison above says something.
        if default.starts_with('`') && !NOT_KEPT.contains(&setting) && strange == without {
            faults.push(format!("{setting} is not read"));
        }
        return faults;
    };
    let said = |form: &str| {
        Some(refused.split_once(&format!("{setting} {form} "))?.1.split([';', '(']).next()?.trim())
    };
    if let Some(range) = said("must be a whole number from")
        && !meaning.contains(range)
    {
        faults.push(format!("{setting} has the range {range}"));
    }
    for word in said("must be one of").into_iter().flat_map(|words| words.split(", ")) {
        if !code(meaning).chain(code(default)).any(|known| known == word) {
            faults.push(format!("{setting} also takes `{word}`"));
        }
    }
    faults
}

#[test]
fn the_defaults_and_ranges_of_the_settings_page_are_those_of_the_code() {
    let page = read("docs/settings.md");
    let settings = page.split("\n## All parameters\n").next().expect("the settings");
    let rows: Vec<_> = rows(settings).filter(|row| row.len() == 4 && row[0].starts_with('`')).collect();
    assert!(rows.len() > 70, "docs/settings.md has {} settings: has its form changed?", rows.len());
    let found: Vec<_> = rows.iter().flat_map(|row| faults(row)).collect();
    assert!(found.is_empty(), "docs/settings.md differs from the code:\n{}", found.join("\n"));
}

#[test]
fn a_wrong_default_a_wrong_range_and_a_missing_word_are_found() {
    let row = |default: &'static str, meaning: &'static str| [default, meaning];
    let of = |setting: &'static str, [default, meaning]: [&'static str; 2]| {
        faults(&[setting, default, meaning, "–"])
    };
    let none: [&str; 0] = [];
    assert_eq!(of("`ARGON2_PASSES`", row("`2`", "Passes; 2 to 10.")), none);
    assert_eq!(
        of("`ARGON2_PASSES`", row("`3`", "Passes; 2 to 10.")),
        ["ARGON2_PASSES has another default than `3`"]
    );
    assert_eq!(of("`ARGON2_PASSES`", row("`2`", "Passes; 2 to 9.")), ["ARGON2_PASSES has the range 2 to 10"]);
    assert_eq!(of("`EVENTS_BUS`", row("`sqs`", "How events travel.")), ["EVENTS_BUS also takes `kafka`"]);
    assert_eq!(of("`DB_PORT`", row("required", "1 to 65535")), ["DB_PORT is not required"]);
    assert_eq!(of("`NO_SUCH_SETTING`", row("`1`", "Nothing.")), ["NO_SUCH_SETTING is not read"]);
}
