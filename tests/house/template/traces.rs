//! Spans go to X-Ray where the stack asks for it, and nowhere else.

use serde_json::{Value, json};

use super::{
    USERS_ME,
    budget::transformed_with,
    checks::Faults,
    document::{functions, resources, target, template},
    holds, refused,
    statements::{is_tracing, statements},
};

/// A stack sends no span and has no right of X-Ray unless it asks for traces.
pub(crate) fn traces_follow_the_parameter(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let globals = &template["Globals"]["Function"];
    for (what, found, wanted) in [
        ("Traces: is not off by default", &template["Parameters"]["Traces"]["Default"], json!("off")),
        (
            "HasTraces: is not whether Traces is on",
            &template["Conditions"]["HasTraces"],
            json!({ "Fn::Equals": [{ "Ref": "Traces" }, "on"] }),
        ),
        (
            "Globals: Lambda samples without HasTraces, or never",
            &globals["Tracing"],
            json!({ "Fn::If": ["HasTraces", "Active", "PassThrough"] }),
        ),
        (
            "Globals: TRACES is not the parameter",
            &globals["Environment"]["Variables"]["TRACES"],
            json!({ "Ref": "Traces" }),
        ),
    ] {
        if *found != wanted {
            faults.push(what.to_owned());
        }
    }
    for (id, api) in resources(template, "AWS::Serverless::Api") {
        if api["TracingEnabled"] != json!({ "Fn::If": ["HasTraces", true, false] }) {
            faults.push(format!("{id}: samples without HasTraces, or never"));
        }
    }
    for (id, function) in functions(template) {
        let role = target(&function["Role"]).unwrap_or_default();
        let rights = statements(&template["Resources"][role]["Properties"]).into_iter();
        let of_xray = |statement: &Value| statement["Action"].to_string().contains("xray:");
        let found: Vec<_> = rights.filter(|(_, statement)| of_xray(statement)).collect();
        if !matches!(found[..], [(condition, statement)] if is_tracing(condition, statement)) {
            faults.push(format!("{id}: its rights of X-Ray are not those of its spans under HasTraces"));
        }
    }
    faults
}

#[test]
fn a_stack_is_traced_if_it_asks_for_it() {
    let check = traces_follow_the_parameter;
    holds(&check(&template()));
    refused(check, "/Parameters/Traces/Default", json!("on"), "Traces: is not off by default");
    let fault = "HasTraces: is not whether Traces is on";
    refused(check, "/Conditions/HasTraces", json!({ "Condition": "HasVpc" }), fault);
    let fault = "Globals: Lambda samples without HasTraces, or never";
    refused(check, "/Globals/Function/Tracing", json!("Active"), fault);
    let fault = "GrpcApi: samples without HasTraces, or never";
    refused(check, "/Resources/GrpcApi/Properties/TracingEnabled", json!(true), fault);

    let role =
        target(&template().pointer(USERS_ME).expect("the function")["Role"]).expect("a role").to_owned();
    let list = format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let template_now = template();
    let all = template_now.pointer(&list).and_then(Value::as_array).expect("statements");
    let place = all.iter().position(|one| one["Fn::If"][0] == "HasTraces").expect("the right");
    for (part, value) in [("0", json!("HasVpc")), ("1/Action/1", json!("xray:*"))] {
        let mut broken = template();
        *broken.pointer_mut(&format!("{list}/{place}/Fn::If/{part}")).expect(part) = value;
        let faults = check(&broken);
        let fault = "UsersMeFunction: its rights of X-Ray are not those of its spans under HasTraces";
        assert!(faults.iter().any(|found| found == fault), "{part}: {faults:?}");
    }
}

/// SAM gives each function what the parameter says. It adds no role and no policy.
#[test]
fn sam_makes_of_it_what_lambda_reads() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));
    let stack = transformed_with(&text.expect("the template"), &[("Traces", "on")]);
    let functions = resources(&stack, "AWS::Lambda::Function");
    assert!(!functions.is_empty());
    for (id, function) in functions {
        let mode = json!({ "Fn::If": ["HasTraces", "Active", "PassThrough"] });
        assert_eq!(function["TracingConfig"], json!({ "Mode": mode }), "{id}");
    }
    let text = stack.to_string();
    assert!(!text.contains("AWSXRayDaemonWriteAccess") && !text.contains("AWSXrayWriteOnlyAccess"));
}
