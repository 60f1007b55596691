//! What `cargo xtask deploy` refuses before anything changes.

use std::{collections::BTreeMap, fs};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use xtask::checkout::Checkout;

use super::{Place, aws, errors, secret};
use crate::operator::xtask;

impl Place {
    /// Expects a deployment to stop before anything changes.
    #[track_caller]
    fn refused(&self, expected: &[&str]) {
        let output = self.deploy(&[]);
        let said = errors(&output);
        assert!(!output.status.success(), "{said}");
        for part in expected {
            assert!(said.contains(part), "{part} is missing:\n{said}");
        }
        assert!(said.contains("hint: "), "{said}");
        assert_eq!(self.code(), BTreeMap::new());
    }

    /// Expects a value of one parameter to be refused.
    #[track_caller]
    fn refuses(&mut self, parameter: &str, value: &str, expected: &[&str]) {
        self.parameters.insert(parameter.to_owned(), value.to_owned());
        self.refused(expected);
    }
}

#[test]
fn an_unknown_login_is_refused() {
    let place = Place::built_once();
    let output = xtask()
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .args(["deploy", "local", "--config"])
        .arg(Checkout::find().expect("this checkout").root().join("samconfig.toml"))
        .arg("--built")
        .arg(place.built())
        .output();
    let output = output.expect("xtask runs");
    assert!(
        !output.status.success() && errors(&output).contains("AWS does not know this login"),
        "{output:?}"
    );
}

#[test]
fn a_secret_that_does_not_exist_is_refused() {
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:nothing-AbCdEf";
    Place::built_once().refuses(
        "DatabaseSecretArn",
        arn,
        &[arn, "of DatabaseSecretArn", "docs/deploying.md"],
    );
}

#[test]
fn a_secret_that_is_about_to_be_deleted_is_refused() {
    let mut place = Place::built_once();
    let arn = secret(&format!("{}/late", place.stack), r#"{"username": "a", "password": "b"}"#, None);
    aws("result = boto3.client('secretsmanager').delete_secret(SecretId=given)['ARN']", &json!(arn));
    place.refuses("MigratorSecretArn", &arn, &["is about to be deleted", "restore-secret --secret-id"]);
}

#[test]
fn a_secret_that_cannot_be_read_is_refused_without_a_word_of_it() {
    let mut place = Place::built_once();
    let name = |kind: &str| format!("{}/{kind}", place.stack);
    let text = secret(&name("text"), "hunter2", None);
    let half = secret(&name("half"), r#"{"username": "hunter2"}"#, None);
    let list = secret(&name("list"), r#"["hunter2"]"#, None);
    let url = secret(&name("url"), "hunter2:465", None);
    for (parameter, arn) in [
        ("DatabaseSecretArn", text),
        ("MigratorSecretArn", half),
        ("OperationsSecretArn", list),
        ("MailUrlArn", url),
    ] {
        place.parameters.insert(parameter.to_owned(), arn);
    }
    place.refused(&[
        "DatabaseSecretArn is not JSON",
        "MigratorSecretArn has no password",
        "OperationsSecretArn is no JSON object",
        "MailUrlArn is no URL that begins with smtps:// or smtp://",
    ]);
    assert!(!errors(&place.deploy(&[])).contains("hunter2"));
}

#[test]
fn a_key_that_functions_cannot_use_is_refused() {
    let code = "
kms = boto3.client('kms')
result = [kms.create_key()['KeyMetadata']['Arn'] for _ in range(2)]
kms.disable_key(KeyId=result[1])";
    let keys: [String; 2] = serde_json::from_value(aws(code, &Value::Null)).expect("keys");
    let mut place = Place::built_once();
    for (parameter, key) in [("DatabaseSecretArn", &keys[0]), ("OperationsSecretArn", &keys[1])] {
        let arn = secret(
            &format!("{}/{parameter}", place.stack),
            r#"{"username": "a", "password": "b"}"#,
            Some(key),
        );
        place.parameters.insert(parameter.to_owned(), arn);
    }
    place.parameters.insert("OperationsSecretKeyArn".to_owned(), keys[1].clone());
    place.parameters.insert("MigratorSecretKeyArn".to_owned(), keys[0].clone());
    place.refused(&[
        &format!("hint: set DatabaseSecretKeyArn to {}", keys[0]),
        &format!("the KMS key {} of OperationsSecretArn is Disabled", keys[1]),
        "the secret of MigratorSecretArn is not encrypted by the key of MigratorSecretKeyArn",
    ]);
}

/// Returns a certificate that signs itself.
fn certificate(is_ca: bool, until: i32) -> String {
    let mut parameters = CertificateParams::new(vec!["db.example.com".to_owned()]).expect("parameters");
    parameters.is_ca = if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    parameters.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").pem()
}

#[test]
fn a_certificate_that_is_not_one_lasting_ca_is_refused() {
    let good = certificate(true, 2090);
    let mut place = Place::built_once();
    for (pem, expected) in [
        (
            "-----BEGIN CERTIFICATE-----\nREPLACE\n-----END CERTIFICATE-----\n".to_owned(),
            "is no certificate in PEM",
        ),
        (good.clone() + &certificate(true, 2091), "has 2 certificates, and an environment holds one"),
        (certificate(false, 2090), "is a certificate, but not of a CA"),
        (certificate(true, 2021), "expired on Jan  1 00:00:00 2021 GMT"),
    ] {
        place.refuses("DatabaseSslRootCert", &pem, &[expected, "cargo xtask database-ca HOST"]);
    }
    // A good one is not refused; here the topic is.
    place.parameters.insert("DatabaseSslRootCert".to_owned(), good);
    place
        .parameters
        .insert("AlarmTopicArn".to_owned(), "arn:aws:sns:us-east-1:000000000000:nothing".to_owned());
    let said = errors(&place.deploy(&[]));
    assert!(said.contains("AlarmTopicArn") && !said.contains("DatabaseSslRootCert"), "{said}");
}

#[test]
fn a_topic_that_does_not_exist_is_refused() {
    let arn = "arn:aws:sns:us-east-1:000000000000:nothing";
    Place::built_once().refuses("AlarmTopicArn", arn, &[arn, "ops/account.yaml"]);
}

#[test]
fn an_environment_above_4_kilobytes_is_refused() {
    let origins = format!(r#"["https://{}.example.com"]"#, "a".repeat(3_500));
    Place::built_once().refuses("CorsOriginWhitelist", &origins, &["and Lambda allows 4096"]);
}

#[test]
fn functions_that_can_open_more_connections_than_the_database_has_are_refused() {
    let mut place = Place::built_once();
    place.refuses(
        "DatabaseMaxConnections",
        "110",
        &[
            "UsersMeFunction",
            "any number of connections",
            "hint: set HashingConcurrency and RequestConcurrency",
        ],
    );
    for limit in ["HashingConcurrency", "RequestConcurrency"] {
        place.parameters.insert(limit.to_owned(), "3".to_owned());
    }
    place.refused(&["connections, and DatabaseMaxConnections is 110"]);
    // The sum itself fits. Without this topic the stack would be deployed.
    let sum = connections(&errors(&place.deploy(&[])));
    place
        .parameters
        .insert("AlarmTopicArn".to_owned(), "arn:aws:sns:us-east-1:000000000000:nothing".to_owned());
    for (budget, fits) in [(sum, true), (sum - 1, false)] {
        place.parameters.insert("DatabaseMaxConnections".to_owned(), budget.to_string());
        let said = errors(&place.deploy(&[]));
        assert!(said.contains("AlarmTopicArn") && said.contains("DatabaseMaxConnections") != fits, "{said}");
    }
    // One more batch of each of the three queues at the same time.
    place.parameters.insert("ConsumerMaxConcurrency".to_owned(), "11".to_owned());
    assert_eq!(connections(&errors(&place.deploy(&[]))), sum + 3);
}

/// Returns the sum that a refusal names.
fn connections(said: &str) -> u32 {
    let rest = said.split_once("the functions can open ").expect("a refusal").1;
    rest.split_once(" connections").and_then(|(sum, _)| sum.parse().ok()).expect("a sum")
}

#[test]
fn a_parameter_that_is_unknown_or_missing_is_refused() {
    Place::built_once().refuses(
        "DatabaseHots",
        "127.0.0.1",
        &["the parameter DatabaseHots is not in template.yaml"],
    );
    let mut place = Place::built_once();
    place.parameters.remove("DatabaseHost");
    place.refused(&["the parameter DatabaseHost has no value"]);
}

#[test]
fn a_stack_with_a_name_of_43_characters_is_refused() {
    let mut place = Place::built_once();
    let short = std::mem::replace(&mut place.stack, "a".repeat(43));
    let output = place.deploy(&[]);
    assert!(
        !output.status.success() && errors(&output).contains("has 43 characters; at most 42"),
        "{output:?}"
    );
    place.stack = short;
}

#[test]
fn a_function_for_another_processor_or_without_a_program_is_refused() {
    let place = Place::built_once();
    let program = place.built().join("UsersMeFunction").join("bootstrap");
    // The head of a program for s390x.
    fs::write(&program, b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x03\0\x16").expect("a program");
    let said = errors(&place.deploy(&[]));
    assert!(said.contains("users-me is built for another processor"), "{said}");
    fs::remove_file(&program).expect("no program");
    let said = errors(&place.deploy(&[]));
    assert!(said.contains("the function users-me is not built; run `cargo xtask build`"), "{said}");
    assert_eq!(place.code(), BTreeMap::new());
}
