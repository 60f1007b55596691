//! A variable of a function has the value of its parameter.

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, target, template},
    holds, refused,
    variables::{ALL, set_in, source},
};

/// A variable and its parameter, or its queue, have one name.
fn variables_have_the_values_of_their_parameters(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let shared = ("Globals", &template["Globals"]["Function"]);
    for (id, function) in functions(template).into_iter().chain([shared]) {
        for name in set_in(function) {
            let value = &function["Environment"]["Variables"][&name];
            let Some(source) = source(template, &name) else { continue };
            if target(value) != Some(&source) {
                faults.push(format!("{id}: {name} is not `!Ref {source}`"));
            }
        }
    }
    faults
}

#[test]
fn a_variable_has_the_value_of_the_parameter_with_its_name() {
    let check = variables_have_the_values_of_their_parameters;
    holds(&check(&template()));
    let other = |name: &str| json!({ "Ref": name });
    let lifetime = format!("/Resources/AuthTokensFunction/{ALL}/ACCESS_TOKEN_EXPIRES_MINUTES");
    let fault = "AuthTokensFunction: ACCESS_TOKEN_EXPIRES_MINUTES is not `!Ref AccessTokenExpiresMinutes`";
    refused(check, &lifetime, other("RefreshTokenExpiresDays"), fault);
    let queue = format!("/Resources/AuthPasswordForgotFunction/{ALL}/MAIL_QUEUE_URL");
    refused(
        check,
        &queue,
        other("TasksQueue"),
        "AuthPasswordForgotFunction: MAIL_QUEUE_URL is not `!Ref MailQueue`",
    );
    let docs = "/Globals/Function/Environment/Variables/SHOW_API_DOCS";
    refused(check, docs, json!("true"), "Globals: SHOW_API_DOCS is not `!Ref ShowApiDocs`");
}
