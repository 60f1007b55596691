//! API Gateway: paths, preflights, TLS, the access log and its own responses.

use serde_json::{Value, json};

use super::{USERS_ME, document::template, gateway, holds, refused};

#[test]
fn every_path_stands_without_a_slash_and_has_one_owner_of_its_preflight() {
    let check = gateway::every_path_has_one_preflight;
    holds(&check(&template()));
    let call = format!("{USERS_ME}/Events/Call/Properties/Path");
    let fault =
        r#"UsersMeFunction: the path "/api/v1/users/me/" ends in a slash, or does not begin with one"#;
    refused(check, &call, json!("/api/v1/users/me/"), fault);
    let preflight = format!("{USERS_ME}/Events/Preflight/Properties/Method");
    refused(check, &preflight, json!("PUT"), "/api/v1/users/me: nobody responds OPTIONS");
    let path = "/Resources/AuthSignUpFunction/Properties/Events/Preflight/Properties/Path";
    let mut broken = template();
    *broken.pointer_mut(path).unwrap() = json!("/api/v1/users/me");
    let faults =
        ["/api/v1/auth/sign-up: nobody responds OPTIONS", "/api/v1/users/me: a method has two owners"];
    assert_eq!(check(&broken), faults);
}

#[test]
fn no_endpoint_works_longer_than_the_gateway_waits() {
    let check = gateway::no_endpoint_outlives_the_gateway;
    holds(&check(&template()));
    let mut slow = template()["Resources"]["UsersMeFunction"]["Properties"].clone();
    slow["Timeout"] = json!(30);
    refused(check, USERS_ME, slow, "UsersMeFunction: may work longer than the gateway waits");
}

#[test]
fn every_api_refuses_old_tls() {
    let check = gateway::apis_refuse_old_tls;
    holds(&check(&template()));
    for api in ["Api", "GrpcApi"] {
        let of = |property: &str| format!("/Resources/{api}/Properties/{property}");
        let fault = format!("{api}: accepts TLS that has no forward secrecy or is older than 1.2");
        refused(check, &of("SecurityPolicy"), json!("TLS_1_0"), &fault);
        refused(check, &of("SecurityPolicy"), Value::Null, &fault);
        let fault = format!("{api}: has no EndpointAccessMode, which AWS wants with its SecurityPolicy");
        refused(check, &of("EndpointAccessMode"), Value::Null, &fault);
    }
}

#[test]
fn an_access_log_holds_no_text_of_the_client() {
    let check = gateway::access_logs_hold_no_client_text;
    holds(&check(&template()));
    for api in ["Api", "GrpcApi"] {
        let format = format!("/Resources/{api}/Properties/AccessLogSetting/Fn::If/1/Format");
        let of = |path: &str| json!(format!(r#"{{"path":"$context.{path}"}}"#));
        for client in ["path", "identity.userAgent", "domainName", "error.message"] {
            let fault =
                format!("{api}: its access log holds $context.{client}, which may be text of the client");
            refused(check, &format, of(client), &fault);
        }
        let fault = format!("{api}: its access log is not one JSON object of texts");
        refused(check, &format, json!(r#"{"path":$context.resourcePath}"#), &fault);
    }
}

#[test]
fn the_gateways_own_responses_look_like_those_of_functions() {
    let check = gateway::gateway_responds_in_the_envelope;
    holds(&check(&template()));
    let throttled = "/Resources/Api/Properties/GatewayResponses/THROTTLED";
    let headers = format!("{throttled}/ResponseParameters/Headers");
    refused(check, &format!("{headers}/Retry-After"), Value::Null, "THROTTLED: lacks Retry-After");
    let fault = "THROTTLED: lacks cache-control: 'no-store'";
    refused(check, &format!("{headers}/Cache-Control"), Value::Null, fault);
    let fault = "THROTTLED: lacks content-security-policy: 'default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none''";
    refused(check, &format!("{headers}/Content-Security-Policy"), json!("'default-src *'"), fault);
    let body = format!("{throttled}/ResponseTemplates/application~1json");
    let bare = r#"{"message":"Too many requests.","details":[],"traceback":null}"#;
    refused(check, &body, json!(bare), &format!("THROTTLED: its body is not the envelope: {bare:?}"));

    let body = "/Resources/GrpcApi/Properties/GatewayResponses/THROTTLED/ResponseTemplates/application~1json";
    let fault = format!("THROTTLED: its body is not an error of Connect: {bare:?}");
    refused(check, body, json!(bare), &fault);

    let mut broken = template();
    let responses = broken.pointer_mut("/Resources/Api/Properties/GatewayResponses").unwrap();
    responses.as_object_mut().unwrap().remove("DEFAULT_5XX");
    assert_eq!(check(&broken), ["Api: no response for DEFAULT_5XX"]);
}
