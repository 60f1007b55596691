//! The rate limits are parameters of the template: all of them, and no others.

use std::collections::BTreeSet;

use app_core::config::LIMIT_SETTINGS;
use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{target, template},
    holds, refused,
};
use crate::routes::differences;

/// `RATE_LIMIT_SIGN_UP` is the parameter `RateLimitSignUp`.
fn parameter(setting: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_ascii_lowercase();
    setting.split('_').map(word).collect()
}

pub(super) fn limits_are_parameters(template: &Value) -> Faults {
    let names = |of: &Value, prefix: &str| -> BTreeSet<String> {
        let all = of.as_object().into_iter().flatten().map(|(name, _)| name);
        all.filter(|name| name.starts_with(prefix)).cloned().collect()
    };
    let settings: BTreeSet<String> = LIMIT_SETTINGS.iter().map(|&setting| setting.to_owned()).collect();
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    let table = ("config/limits.rs", &settings);
    let mut faults = differences(table, ("Globals", &names(variables, "RATE_LIMIT_")));
    let wanted = settings.iter().map(|setting| parameter(setting)).collect();
    let parameters = names(&template["Parameters"], "RateLimit");
    faults.extend(differences(("config/limits.rs", &wanted), ("Parameters", &parameters)));
    for setting in &settings {
        if !variables[setting].is_null() && target(&variables[setting]) != Some(&parameter(setting)) {
            faults.push(format!("{setting} is not the parameter {}", parameter(setting)));
        }
    }
    faults
}

#[test]
fn every_rate_limit_is_a_parameter_and_no_parameter_is_without_a_limit() {
    let check = limits_are_parameters;
    holds(&check(&template()));
    let variable = "/Globals/Function/Environment/Variables/RATE_LIMIT_SIGN_UP_ADDRESS";
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
