//! What API Gateway sends without calling a function is what the core's table of texts says.

use app_core::interfaces::http::texts::{GATEWAY_TEXTS, RATE_LIMITED, RPC_GATEWAY_TEXTS};
use serde_json::{Value, json};

use super::{checks::Faults, document::template, holds, refused};

/// The gateway's own errors have the status, code and message that the table in the core states.
pub(super) fn texts_are_those_of_the_table(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, texts) in [("Api", &GATEWAY_TEXTS[..]), ("GrpcApi", &RPC_GATEWAY_TEXTS[..])] {
        let responses = &template["Resources"][id]["Properties"]["GatewayResponses"];
        for (kind, _) in responses.as_object().into_iter().flatten() {
            if !texts.iter().any(|text| text.kind == kind) {
                faults.push(format!("{id}: {kind} is not in interfaces/gateway/texts.rs"));
            }
        }
        for stated in texts {
            let (kind, response) = (stated.kind, &responses[stated.kind]);
            let body = response["ResponseTemplates"]["application/json"].as_str().unwrap_or_default();
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let status = stated.sets_status.then(|| u64::from(stated.text.status.as_u16()));
            let retry_after = stated.retry_after.map(|seconds| format!("'{seconds}'"));
            let given = &response["ResponseParameters"]["Headers"]["Retry-After"];
            for (what, is_stated) in [
                ("status", response["StatusCode"].as_u64() == status),
                ("code", body["code"] == stated.text.code),
                ("message", body["message"] == stated.text.message),
                ("Retry-After", given.as_str() == retry_after.as_deref()),
            ] {
                if !is_stated {
                    faults.push(format!("{id}: {kind} has another {what} than interfaces/gateway/texts.rs"));
                }
            }
        }
    }
    faults
}

#[test]
fn the_gateways_texts_are_those_of_the_table() {
    let check = texts_are_those_of_the_table;
    holds(&check(&template()));
    let throttled = "/Resources/Api/Properties/GatewayResponses/THROTTLED";
    let body = format!("{throttled}/ResponseTemplates/application~1json");
    let other = r#"{"code":"rate_limited","message":"Slow down."}"#;
    let fault = "Api: THROTTLED has another message than interfaces/gateway/texts.rs";
    refused(check, &body, json!(other), fault);
    let fault = "Api: THROTTLED has another status than interfaces/gateway/texts.rs";
    refused(check, &format!("{throttled}/StatusCode"), json!(503), fault);
    let fault = "Api: THROTTLED has another Retry-After than interfaces/gateway/texts.rs";
    refused(check, &format!("{throttled}/ResponseParameters/Headers/Retry-After"), json!("'2'"), fault);
    let rpc = "/Resources/GrpcApi/Properties/GatewayResponses/THROTTLED/ResponseTemplates/application~1json";
    let fault = "GrpcApi: THROTTLED has another code than interfaces/gateway/texts.rs";
    let message = RATE_LIMITED.message;
    refused(check, rpc, json!(json!({"code": "rate_limited", "message": message}).to_string()), fault);

    let mut more = template();
    more["Resources"]["Api"]["Properties"]["GatewayResponses"]["API_CONFIGURATION_ERROR"] = json!({});
    assert_eq!(check(&more), ["Api: API_CONFIGURATION_ERROR is not in interfaces/gateway/texts.rs"]);
}
