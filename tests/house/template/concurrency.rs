//! Functions that answer requests from the database have a limit on their instances, because each instance holds a
//! connection. Functions that hash passwords have one limit, and all others another.

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{events, functions, template},
    hashing::hashing,
    holds, refused,
};
use crate::routes::stem;

fn requests_are_bounded(template: &Value) -> Faults {
    let hashing = hashing(template);
    let fault = |(id, function): (&str, &Value)| {
        let has_database = !function["Environment"]["Variables"]["DB_SECRET_ARN"].is_null();
        if events(function, "Api").is_empty() || !has_database {
            return None;
        }
        let class = if hashing.contains(&stem(id)) { "HashingConcurrency" } else { "RequestConcurrency" };
        let wanted =
            json!({ "Fn::If": [format!("Has{class}"), { "Ref": class }, { "Ref": "AWS::NoValue" }] });
        (function["ReservedConcurrentExecutions"] != wanted)
            .then(|| format!("{id}: the number of its instances is not {class}"))
    };
    functions(template).into_iter().filter_map(fault).collect()
}

#[test]
fn functions_that_answer_requests_from_the_database_have_a_limit_on_their_instances() {
    let check = requests_are_bounded;
    holds(&check(&template()));
    let limit = |function: &str| format!("/Resources/{function}/Properties/ReservedConcurrentExecutions");
    for (function, class) in
        [("UsersMeFunction", "RequestConcurrency"), ("AuthTokensFunction", "HashingConcurrency")]
    {
        let fault = format!("{function}: the number of its instances is not {class}");
        refused(check, &limit(function), Value::Null, &fault);
    }
}
