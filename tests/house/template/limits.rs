//! The rate limits are parameters of the template: all of them, and no others.

use std::collections::BTreeSet;

use app_core::config::LIMIT_SETTINGS;
use catalogue::template::parameter;
use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, target, template},
    holds, refused,
};
use crate::routes::differences;

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

pub(super) fn names(of: &Value, prefix: &str) -> BTreeSet<String> {
    let all = of.as_object().into_iter().flatten().map(|(name, _)| name);
    all.filter(|name| name.starts_with(prefix)).cloned().collect()
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
