//! The rate limits are parameters of the template: all of them, and no others. A function has the variables of
//! those that it uses.

use std::{collections::BTreeSet, fs, path::Path};

use app_core::config::LIMIT_SETTINGS;
use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, target, template},
    holds, refused,
};
use crate::{
    needs::{needs, read_main},
    routes::{differences, stem},
};

/// Reviewed: how a function begins what counts for limits, and how the names of these limits begin.
const USES: [(&str, &[&str]); 8] = [
    ("app.limits().await?.sign_up(", &["SIGN_UP_"]),
    ("auth.sign_in(", &["SIGN_IN_"]),
    ("auth.reauthenticate(", &["PASSWORD_CHANGE"]),
    ("auth.password_of(", &["PASSWORD_CHANGE"]),
    ("app.limits().await?.ask(", &["ASK_"]),
    ("challenges.forgot_password(", &["ASK_"]),
    ("limits.redeem(", &["REDEEM_"]),
    // A link that comes with a password counts as an attempt to sign in.
    (".verify_email(", &["SIGN_IN_"]),
];

/// `RATE_LIMIT_SIGN_UP` is the parameter `RateLimitSignUp`.
fn parameter(setting: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_ascii_lowercase();
    setting.split('_').map(word).collect()
}

pub(super) fn limits_are_parameters(template: &Value) -> Faults {
    let settings: BTreeSet<String> = LIMIT_SETTINGS.iter().map(|&setting| setting.to_owned()).collect();
    let functions = functions(template);
    let variables = functions.iter().map(|(_, function)| &function["Environment"]["Variables"]);
    let set = variables.clone().flat_map(|all| names(all, "RATE_LIMIT_")).collect();
    let mut faults = differences(("config/limits.rs", &settings), ("functions/*/function.yaml", &set));
    let wanted = settings.iter().map(|setting| parameter(setting)).collect();
    let parameters = names(&template["Parameters"], "RateLimit");
    faults.extend(differences(("config/limits.rs", &wanted), ("Parameters", &parameters)));
    for (setting, all) in variables.flat_map(|all| settings.iter().map(move |setting| (setting, all))) {
        if !all[setting].is_null() && target(&all[setting]) != Some(&parameter(setting)) {
            faults.push(format!("{setting} is not the parameter {}", parameter(setting)));
        }
    }
    faults
}

fn names(of: &Value, prefix: &str) -> BTreeSet<String> {
    let all = of.as_object().into_iter().flatten().map(|(name, _)| name);
    all.filter(|name| name.starts_with(prefix)).cloned().collect()
}

/// A function whose limit has no variable would have the default, whatever the deployment says.
fn functions_have_the_limits_they_use(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let stem = stem(id);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/{stem}/src/lib.rs"));
        // A function without routes has no lib.rs, and may have no limits.
        let code = fs::read_to_string(path).unwrap_or_default();
        let used = USES.iter().filter(|(call, _)| code.contains(call)).flat_map(|(_, limits)| *limits);
        let used: Vec<_> = used.map(|limit| format!("RATE_LIMIT_{limit}")).collect();
        let is_used = |setting: &&&str| used.iter().any(|prefix| setting.starts_with(prefix));
        let wanted = LIMIT_SETTINGS.iter().filter(is_used).map(|&setting| setting.to_owned()).collect();
        let set = names(&function["Environment"]["Variables"], "RATE_LIMIT_");
        let found = differences(("lib.rs", &wanted), ("function.yaml", &set));
        faults.extend(found.into_iter().map(|fault| format!("{stem}: {fault}")));
        if needs(&read_main(&stem)).contains("Limits") == used.is_empty() {
            faults.push(format!("{stem}: either main.rs lacks Need::Limits, or lib.rs has no call of USES"));
        }
    }
    faults
}

#[test]
fn a_function_has_the_variables_of_the_limits_that_it_uses_and_no_others() {
    let check = functions_have_the_limits_they_use;
    holds(&check(&template()));
    let all = "/Resources/AuthSignUpFunction/Properties/Environment/Variables";
    let variables = template().pointer(all).expect("its variables").clone();
    let mut more = variables.clone();
    more["RATE_LIMIT_ASK_SUBJECT"] = json!({ "Ref": "RateLimitAskSubject" });
    let fault = "auth-sign-up: RATE_LIMIT_ASK_SUBJECT is in function.yaml and not in lib.rs";
    refused(check, all, more, fault);
    let mut fewer = variables;
    fewer.as_object_mut().expect("variables").remove("RATE_LIMIT_SIGN_UP_ADDRESS");
    let fault = "auth-sign-up: RATE_LIMIT_SIGN_UP_ADDRESS is in lib.rs and not in function.yaml";
    refused(check, all, fewer, fault);
}

#[test]
fn every_rate_limit_is_a_parameter_and_no_parameter_is_without_a_limit() {
    let check = limits_are_parameters;
    holds(&check(&template()));
    let variable =
        "/Resources/AuthSignUpFunction/Properties/Environment/Variables/RATE_LIMIT_SIGN_UP_ADDRESS";
    let other = json!({ "Ref": "RateLimitSignInAddress" });
    refused(check, variable, other, "RATE_LIMIT_SIGN_UP_ADDRESS is not the parameter RateLimitSignUpAddress");

    let mut broken = template();
    let parameters = broken["Parameters"].as_object_mut().expect("parameters");
    let limit = parameters.remove("RateLimitSignUpAddress").expect("the parameter");
    parameters.insert("RateLimitBreath".to_owned(), limit);
    assert_eq!(
        check(&broken),
        [
            "RateLimitSignUpAddress is in config/limits.rs and not in Parameters",
            "RateLimitBreath is in Parameters and not in config/limits.rs",
        ]
    );
}
