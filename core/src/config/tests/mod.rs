mod mail;
mod origins;

use super::*;

const ALL: &[Section] = &[Section::Database, Section::Tokens, Section::Limits];

fn read(sections: &[Section], variables: &[(&str, &str)]) -> Result<Config> {
    let variable = |key: &str| variables.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned());
    Config::read(|section| sections.contains(&section), variable)
}

fn local(changes: &[(&'static str, &'static str)]) -> Result<Config> {
    let mut variables = vec![
        ("LAUNCH_MODE", "LOCAL"),
        ("PROJECT_NAME", "APP"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("DB_HOST", "127.0.0.1"),
        ("DB_NAME", "app"),
        ("DB_USER", "app"),
        ("DB_PASSWORD", "hunter2"),
    ];
    variables.extend_from_slice(changes);
    read(ALL, &variables)
}

fn problem(result: Result<Config>) -> String {
    match result {
        Err(Error::Configuration(text)) => text,
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let config = local(&[]).expect("a good configuration");
    let tokens = config.tokens.expect("tokens");
    assert_eq!(
        (tokens.access_lifetime, tokens.refresh_lifetime),
        (time::Duration::minutes(5), time::Duration::days(5))
    );
    assert_eq!(config.api_default_limit, 25);
    assert_eq!(config.deletion_grace, time::Duration::days(7));
    assert_eq!(config.unverified_accounts, None);
    assert_eq!(config.passwords.min_length, 8);
    assert_eq!((config.passwords.memory_kib, config.passwords.passes), (19_456, 2));
    assert_eq!(config.secrets_ttl, Duration::from_secs(300));
    assert_eq!(config.cors, Cors::default());
    assert_eq!(
        config.database.map(|d| (d.port, d.pool_size, d.statements)),
        Some((5432, 1, Statements::Prepared))
    );
}

#[test]
fn h8_a_private_sign_up_keeps_unconfirmed_addresses_out() {
    let answers = |answers, unverified| {
        local(&[("SIGN_UP_ANSWERS", answers), ("UNVERIFIED_SIGN_IN", unverified)])
            .map(|config| config.private_sign_up)
    };
    assert!(!answers("", "").expect("the default"));
    assert!(!answers("open", "deny").expect("both"));
    assert!(answers("private", "deny").expect("both"));
    for unverified in ["allow", ""] {
        let text = problem(local(&[("SIGN_UP_ANSWERS", "private"), ("UNVERIFIED_SIGN_IN", unverified)]));
        assert!(text.contains("SIGN_UP_ANSWERS must be open unless UNVERIFIED_SIGN_IN is deny"), "{text}");
    }
    assert!(problem(local(&[("SIGN_UP_ANSWERS", "secret")])).contains("must be one of open, private"));
}

#[test]
fn every_bad_key_is_named_at_once() {
    let text = problem(read(
        ALL,
        &[
            ("LAUNCH_MODE", "STAGING"),
            ("DEBUG", "maybe"),
            ("LOG_LEVEL", "loud"),
            ("STACK_NAME", "a \"stack\""),
            ("DB_PORT", "0"),
            ("DB_STATEMENTS", "fast"),
            ("API_DEFAULT_LIMIT", "many"),
            ("DELETION_GRACE_DAYS", "0"),
            ("UNVERIFIED_ACCOUNT_DAYS", "3651"),
            ("PASSWORD_MIN_LENGTH", "7"),
            ("ARGON2_MEMORY_KIB", "19455"),
            ("ARGON2_PASSES", "1"),
            ("SECRETS_CACHE_SECONDS", "301"),
            ("RATE_LIMIT_SIGN_IN_ACCOUNT", "5 a minute"),
            ("CORS_ORIGIN_WHITELIST", "*"),
        ],
    ));
    for key in [
        "LAUNCH_MODE",
        "PROJECT_NAME",
        "DEBUG",
        "LOG_LEVEL",
        "STACK_NAME",
        "SECRET_KEY",
        "DB_HOST",
        "DB_PORT",
        "DB_NAME",
        "DB_USER",
        "DB_PASSWORD",
        "DB_STATEMENTS",
        "API_DEFAULT_LIMIT",
        "DELETION_GRACE_DAYS",
        "UNVERIFIED_ACCOUNT_DAYS",
        "PASSWORD_MIN_LENGTH",
        "ARGON2_MEMORY_KIB",
        "ARGON2_PASSES",
        "SECRETS_CACHE_SECONDS",
        "RATE_LIMIT_SIGN_IN_ACCOUNT",
        "CORS_ORIGIN_WHITELIST",
    ] {
        assert!(text.contains(key), "{key} is not in: {text}");
    }
}

#[test]
fn only_what_a_function_sections_is_required() {
    assert!(read(&[], &[("LAUNCH_MODE", "LOCAL"), ("PROJECT_NAME", "APP")]).is_ok());
}

#[test]
fn an_empty_variable_counts_as_absent() {
    assert!(problem(local(&[("DB_HOST", "")])).contains("DB_HOST is missing"));
}

#[test]
fn prod_refuses_debug_open_cors_plain_secrets_and_a_database_without_tls() {
    let text =
        problem(local(&[("LAUNCH_MODE", "PROD"), ("DEBUG", "true"), ("CORS_ORIGIN_WHITELIST", r#"["*"]"#)]));
    for key in [
        "DEBUG",
        "CORS_ORIGIN_WHITELIST",
        "DB_SSL_ROOT_CERT",
        "SECRET_KEY_ARN",
        "DB_SECRET_ARN",
        "HMAC_KEY_ARN",
    ] {
        assert!(text.contains(key), "{key} is not in: {text}");
    }
}

#[test]
fn only_a_local_run_has_a_key_for_pseudonyms_by_default() {
    let text = problem(local(&[("LAUNCH_MODE", "TEST")]));
    assert!(text.contains("HMAC_KEY"), "{text}");
    assert!(local(&[("LAUNCH_MODE", "TEST"), ("HMAC_KEY", "0123456789abcdef0123456789abcdef")]).is_ok());
}

#[test]
fn prod_calls_aws_over_tls_only() {
    let read = |mode: &'static str, url: &'static str| {
        read(&[], &[("LAUNCH_MODE", mode), ("PROJECT_NAME", "APP"), ("AWS_ENDPOINT_URL", url)])
    };
    let url = |mode, url| read(mode, url).expect("good").aws.endpoint_url;
    assert_eq!(url("PROD", ""), None);
    let endpoint = "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com";
    assert_eq!(url("PROD", endpoint).as_deref(), Some(endpoint));
    for plain in [
        "http://localhost:4566",
        "http://127.0.0.1:4566",
        "http://vpce-1.example.com",
        "HTTPS://example.com",
        "https://",
        "localhost:4566",
    ] {
        let text = problem(read("PROD", plain));
        assert!(text.contains("AWS_ENDPOINT_URL must begin with https:// in PROD"), "{plain}: {text}");
    }
    for mode in ["LOCAL", "TEST"] {
        assert!(read(mode, "http://localhost:4566").is_ok());
        assert!(problem(read(mode, "localhost:4566")).contains("AWS_ENDPOINT_URL must be the URL"));
    }
}

#[test]
fn secrets_show_neither_in_debug_nor_in_an_error() {
    let shown = format!("{:?}", local(&[]));
    assert!(!shown.contains("hunter2") && !shown.contains("0123456789abcdef"), "{shown}");
    let text = problem(local(&[("DB_PORT", "hunter3")]));
    assert!(!text.contains("hunter3"), "{text}");
}

#[test]
fn a_cache_is_wanted_only_where_it_is_declared_and_configured() {
    let cache = |sections: &[Section], more: &[(&'static str, &'static str)]| {
        read(sections, &[&[("LAUNCH_MODE", "TEST"), ("PROJECT_NAME", "APP")], more].concat())
    };
    let url = ("CACHE_URL", "rediss://user:hunter2@cache.example.com");
    assert!(cache(&[], &[url]).expect("good").cache.is_none());
    assert!(cache(&[Section::KeyValue], &[]).expect("good").cache.is_none());
    assert!(cache(&[Section::KeyValue], &[url]).expect("good").cache.is_some());
    let text =
        problem(cache(&[Section::KeyValue], &[("CACHE_URL", "redis://user:hunter2@cache.example.com")]));
    assert!(text.contains("CACHE_URL must be rediss://") && !text.contains("hunter2"), "{text}");
    let text = problem(cache(&[Section::KeyValue], &[url, ("CACHE_SSL_ROOT_CERT", "/nowhere.pem")]));
    assert!(text.contains("CACHE_SSL_ROOT_CERT must be PEM"), "{text}");
    let prod = read(&[Section::KeyValue], &[("LAUNCH_MODE", "PROD"), ("PROJECT_NAME", "APP"), url]);
    assert!(problem(prod).contains("CACHE_URL_ARN is missing"));
}

#[test]
fn a_function_that_sends_events_is_told_of_their_queue_or_that_they_go_to_kafka() {
    let sender = |bus: &'static str| {
        read(&[Section::Queues], &[("LAUNCH_MODE", "LOCAL"), ("PROJECT_NAME", "APP"), ("EVENTS_BUS", bus)])
    };
    assert!(problem(sender("")).contains("EVENTS_QUEUE_URL is missing"));
    assert!(problem(sender("sqs")).contains("EVENTS_QUEUE_URL is missing"));
    assert!(sender("kafka").is_ok());
    assert!(problem(sender("pigeons")).contains("EVENTS_BUS must be one of sqs, kafka"));
    assert!(local(&[("EVENTS_BUS", "kafka")]).is_ok_and(|config| {
        config.kafka.is_none() && config.database.is_some_and(|d| d.outbox.events == EventsBus::Kafka)
    }));
}

#[test]
fn tasks_cannot_travel_on_a_fifo_queue_and_events_can() {
    let fifo = "https://sqs.eu-central-1.amazonaws.com/123456789012/app.fifo";
    for key in ["TASKS_QUEUE_URL", "MAIL_QUEUE_URL"] {
        assert!(problem(local(&[(key, fifo)])).contains(&format!("{key} must be a standard queue")));
    }
    assert_eq!(local(&[("EVENTS_QUEUE_URL", fifo)]).expect("good").queues.events_url.as_deref(), Some(fifo));
}

#[test]
fn tokens_need_tls_and_the_name_of_a_role() {
    let iam = |changes: &[(&'static str, &'static str)]| {
        local(
            &[&[("DB_AUTH", "iam"), ("DB_SECRET_ARN", "arn"), ("AWS_REGION", "eu-central-1")], changes]
                .concat(),
        )
    };
    assert!(problem(iam(&[])).contains("DB_SSL_ROOT_CERT is missing"));
    let tls = ("DB_SSL_ROOT_CERT", "-----BEGIN CERTIFICATE-----");
    assert!(problem(iam(&[tls, ("DB_USER", "")])).contains("DB_USER is missing"));
    let login = iam(&[tls]).expect("good").database.expect("a database").login;
    let DatabaseLogin::Iam { user, aws } = login else { panic!("{login:?}") };
    assert_eq!((user.as_str(), aws.region.as_str()), ("app", "eu-central-1"));
    assert!(problem(local(&[("DB_AUTH", "kerberos")])).contains("DB_AUTH must be one of password, iam"));
}

#[test]
fn who_makes_the_roles_knows_all_their_secrets() {
    let sections = [Section::Database, Section::DatabaseRoles];
    let roles = |changes: &[(&str, &str)]| {
        let usual =
            [("LAUNCH_MODE", "LOCAL"), ("PROJECT_NAME", "APP"), ("DB_HOST", "db"), ("DB_NAME", "app")];
        read(&sections, &[&usual, &[("DB_SECRET_ARN", "migrator")][..], changes].concat())
    };
    assert!(roles(&[]).expect("good").database_roles.is_none());
    let administrator = ("ADMINISTRATOR_SECRET_ARN", "administrator");
    let text = problem(roles(&[administrator]));
    assert!(text.contains("APP_SECRET_ARN is missing; OPERATIONS_SECRET_ARN is missing"), "{text}");
    let all = [administrator, ("APP_SECRET_ARN", "app"), ("OPERATIONS_SECRET_ARN", "operations")];
    let config = roles(&all).expect("good").database_roles.expect("the secrets");
    assert_eq!((config.migrator.as_str(), config.app.as_str()), ("migrator", "app"));
}
