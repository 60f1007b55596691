//! The values of samconfig.toml keep the template's `Rules`: CloudFormation would refuse the deployment otherwise.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    checks::Faults,
    document::{Overrides, environments, many, template},
    holds,
};

/// Returns the rules that an environment breaks, and the parameters that it must set and does not.
pub(crate) fn broken_rules(template: &Value, environment: &str, overrides: &Overrides) -> Faults {
    let mut faults = Faults::new();
    for (name, parameter) in entries(&template["Parameters"]) {
        if parameter["Default"].is_null() && !overrides.contains_key(name) {
            faults.push(format!("{environment}: {name} has no default and is not set"));
        }
    }
    let is_true = |condition: &Value| is_true(condition, template, overrides);
    for (name, rule) in entries(&template["Rules"]) {
        if !rule["RuleCondition"].is_null() && !is_true(&rule["RuleCondition"]) {
            continue;
        }
        let failed = many(&rule["Assertions"]).into_iter().filter(|assertion| !is_true(&assertion["Assert"]));
        faults.extend(failed.map(|assertion| {
            format!("{environment}: {name}: {}", assertion["AssertDescription"].as_str().unwrap_or_default())
        }));
    }
    faults
}

fn entries(section: &Value) -> impl Iterator<Item = (&String, &Value)> {
    section.as_object().expect("a section of the template").iter()
}

/// Evaluates a condition of a rule. CloudFormation allows more functions there than this template uses.
fn is_true(condition: &Value, template: &Value, overrides: &Overrides) -> bool {
    let is_true = |condition: &&Value| is_true(condition, template, overrides);
    let text = |value: &Value| text(value, template, overrides);
    let function = condition.as_object().filter(|entries| entries.len() == 1);
    let (name, arguments) = function.and_then(|entries| entries.iter().next()).expect("one function");
    let arguments = many(arguments);
    match (name.as_str(), &arguments[..]) {
        ("Fn::And", conditions) => conditions.iter().all(is_true),
        ("Fn::Or", conditions) => conditions.iter().any(is_true),
        ("Fn::Not", [condition]) => !is_true(condition),
        ("Fn::Equals", [left, right]) => text(left) == text(right),
        ("Fn::EachMemberEquals", [list, value]) => text(list).split(',').all(|member| member == text(value)),
        _ => panic!("this test does not know the condition {condition}"),
    }
}

/// Returns a text, or the value of the parameter to which it refers.
fn text(value: &Value, template: &Value, overrides: &Overrides) -> String {
    match (value, value["Ref"].as_str()) {
        (_, Some(parameter)) => overrides
            .get(parameter)
            .cloned()
            .unwrap_or_else(|| text(&template["Parameters"][parameter]["Default"], template, overrides)),
        (Value::String(text), None) => text.clone(),
        (number, None) => number.to_string(),
    }
}

#[test]
fn every_environment_of_samconfig_keeps_the_rules_of_the_template() {
    let (template, environments) = (template(), environments());
    assert_eq!(environments.keys().collect::<Vec<_>>(), ["local", "prod", "staging"]);
    for (name, overrides) in &environments {
        holds(&broken_rules(&template, name, overrides));
    }
}

#[test]
fn a_value_that_breaks_a_rule_is_named_with_the_rule() {
    let template = template();
    let prod = environments().remove("prod").expect("the section prod");
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-AbCdEf";
    let mut seen = BTreeSet::new();
    // An empty value counts as if the line were not there.
    for (changes, expected) in [
        (
            &[("MailUrlArn", "")][..],
            &["ProdSendsMail: LaunchMode PROD needs MailUrlArn: without mail nobody can reset a password"][..],
        ),
        (
            &[("SignUpAnswers", "private")],
            &["PrivateSignUpDeniesTheUnverified: SignUpAnswers private needs UnverifiedSignIn deny"],
        ),
        (&[("SignUpAnswers", "private"), ("UnverifiedSignIn", "deny")], &[]),
        (&[("MailFrom", "")], &["MailHasASender: MailUrlArn needs MailFrom"]),
        (&[("AppUrl", "")], &["MailLeadsSomewhere: MailUrlArn needs AppUrl in LaunchMode PROD"]),
        (&[("LaunchMode", "TEST"), ("AppUrl", ""), ("DatabaseSslRootCert", "")], &[]),
        (
            &[("DatabaseSslRootCert", "")],
            &[
                "ProdPinsTheDatabaseCa: LaunchMode PROD needs DatabaseSslRootCert: the certificate of the database is verified",
            ],
        ),
        (
            &[("LaunchMode", "TEST"), ("DatabaseAuth", "iam"), ("DatabaseSslRootCert", "")],
            &[
                "TokensNameTheDatabase: DatabaseAuth iam needs DatabaseResourceId",
                "TokensNameTheDatabase: DatabaseAuth iam needs DatabaseSslRootCert: the server gets the token itself",
            ],
        ),
        (&[("DatabaseAuth", "iam"), ("DatabaseResourceId", "db-ABC")], &[]),
        (
            &[("CorsOriginWhitelist", "[\"*\"]")],
            &["ProdNamesItsOrigins: LaunchMode PROD needs a CorsOriginWhitelist that names the origins"],
        ),
        (
            &[("AwsEndpointUrl", "https://aws.example")],
            &["ProdCallsAws: LaunchMode PROD needs an empty AwsEndpointUrl: it is for an emulator"],
        ),
        (
            &[("KafkaTopic", "events")],
            &[
                "KafkaIsReached: KafkaTopic needs KafkaSecretArn",
                "KafkaIsReached: KafkaTopic needs KafkaClusterArn or KafkaBootstrapServers",
            ],
        ),
        (
            &[("KafkaTopic", "events"), ("KafkaSecretArn", arn), ("KafkaBootstrapServers", "b.example:9096")],
            &[],
        ),
        (
            &[
                ("EventsBus", "kafka"),
                ("KafkaTopic", "events"),
                ("KafkaSecretArn", arn),
                ("KafkaClusterArn", arn),
            ],
            &["EventsReachKafka: EventsBus kafka needs KafkaBootstrapServers"],
        ),
        (
            &[("VpcSecurityGroupIds", "")],
            &["SubnetsNeedSecurityGroups: VpcSubnetIds needs VpcSecurityGroupIds"],
        ),
        (&[("VpcSubnetIds", "")], &["SecurityGroupsNeedSubnets: VpcSecurityGroupIds needs VpcSubnetIds"]),
        (&[("VpcSubnetIds", ""), ("VpcSecurityGroupIds", "")], &[]),
        (&[("CertificateArn", "")], &["DomainHasACertificate: DomainName needs CertificateArn"]),
        (&[("DisableExecuteApiEndpoint", "true")], &[]),
        (
            &[("DomainName", ""), ("DisableExecuteApiEndpoint", "true")],
            &[
                "ApiHasAnAddress: DisableExecuteApiEndpoint needs DomainName",
                "RecordHasADomain: HostedZoneId needs DomainName",
            ],
        ),
    ] {
        let mut values = prod.clone();
        values.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let expected: Vec<String> = expected.iter().map(|fault| format!("prod: {fault}")).collect();
        assert_eq!(broken_rules(&template, "prod", &values), expected, "{changes:?}");
        seen.extend(expected.iter().filter_map(|fault| fault.split(": ").nth(1).map(str::to_owned)));
    }
    assert_eq!(
        seen,
        entries(&template["Rules"]).map(|(name, _)| name.clone()).collect(),
        "a rule without a case"
    );

    let mut values = prod;
    values.remove("MailUrlArn").expect("prod sets it");
    values.remove("DatabaseHost").expect("prod sets it");
    let expected = [
        "prod: DatabaseHost has no default and is not set",
        "prod: ProdSendsMail: LaunchMode PROD needs MailUrlArn: without mail nobody can reset a password",
    ];
    assert_eq!(broken_rules(&template, "prod", &values), expected);
}
