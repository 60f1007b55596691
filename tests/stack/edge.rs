//! The edge, as the gateway and the functions hold it together.

use std::{path::PathBuf, process::Command, time::Duration};

use app_core::{
    interfaces::http::{MAX_BODY_LEVELS, MAX_HEADER_BYTES, MAX_QUERY_PARAMETERS, SECURITY_HEADERS},
    testing::event,
};
use serde_json::{Value, json};
use xtask::runtime_api::{Function, Outcome};

use crate::support::{PASSWORD, Response, new_address, preflight, request, setting, sign_up};

/// The list of the deployment that tests make, xtask/src/stack/deploy.rs.
const LISTED: &str = "https://app.example.com";

fn get(path: &str, headers: &[(&str, &str)]) -> Response {
    request("GET", path, headers, None)
}

#[test]
fn every_response_has_the_security_headers_the_gateways_own_too() {
    let credentials = json!({ "email": new_address(), "password": PASSWORD });
    let wide = "x".repeat(MAX_HEADER_BYTES);
    let post = |path, body| request("POST", path, &[], Some(body));
    let responses = [
        (200, get("/api/v1/debug/health-check/", &[])),
        (200, post("/api/v1/auth/sign-up/", &credentials)),
        (401, get("/api/v1/users/me/", &[])),
        (409, post("/api/v1/auth/sign-up/", &credentials)),
        (415, request("POST", "/api/v1/auth/tokens/", &[("content-type", "text/plain")], Some(&json!({})))),
        (422, post("/api/v1/auth/sign-up/", &json!({}))),
        (431, get("/api/v1/users/me/", &[("x-wide", &wide)])),
        (204, preflight("/api/v1/users/me/", LISTED)),
        (204, preflight("/api/v1/users/me/", "https://evil.example")),
        // The gateway's own: no such path, no such method, a signature where none is asked for.
        (404, get("/api/v1/nowhere/", &[])),
        (404, get("/", &[])),
        (404, request("PUT", "/api/v1/users/me/", &[], Some(&json!({})))),
        (404, request("DELETE", "/api/v1/auth/sign-up/", &[], None)),
    ];
    for (status, response) in responses {
        assert_eq!(response.status, status, "{response:?}");
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(response.header(name.as_str()), value.to_str().ok(), "{name}: {response:?}");
        }
        assert!(response.header("x-request-id").is_some(), "{response:?}");
    }
}

/// The emulator returns only a few of these responses. So the test reads them from the deployment.
#[test]
fn every_kind_of_the_gateways_own_responses_was_deployed_with_the_headers() {
    let program = "import boto3, json; gateway = boto3.client('apigateway'); \
                   apis = [api['id'] for api in gateway.get_rest_apis()['items']]; \
                   told = lambda api: gateway.get_gateway_responses(restApiId=api, limit=500)['items']; \
                   print(json.dumps([response for api in apis for response in told(api)]))";
    let output = Command::new(setting("TEST_PYTHON"))
        .args(["-c", program])
        .env("AWS_DEFAULT_REGION", setting("AWS_REGION"))
        .output()
        .expect("Python runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let all: Vec<Value> = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let ours: Vec<&Value> = all.iter().filter(|response| response["defaultResponse"] == false).collect();
    // Of the API, and of the one for RPC.
    assert!(ours.len() >= 27, "{} {ours:#?}", ours.len());
    for response in ours {
        let headers = response["responseParameters"].as_object().expect("headers");
        for (name, value) in SECURITY_HEADERS {
            let key = format!("gatewayresponse.header.{name}");
            let given =
                headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(&key)).map(|(_, given)| given);
            assert_eq!(given, Some(&json!(format!("'{}'", value.to_str().expect("text")))), "{response:#?}");
        }
    }
}

#[test]
fn a_page_of_a_listed_origin_may_read_and_one_of_another_may_not() {
    for (origin, allowed) in [
        (LISTED, Some(LISTED)),
        ("https://app.example.com.evil.example", None),
        ("https://evil.example", None),
        ("http://app.example.com", None),
        ("https://app.example.com:8443", None),
        ("null", None),
    ] {
        for response in [
            get("/api/v1/users/me/", &[("origin", origin)]),
            get("/api/v1/debug/health-check/", &[("origin", origin)]),
            preflight("/api/v1/users/me/", origin),
        ] {
            assert_eq!(response.header("access-control-allow-origin"), allowed, "{origin}: {response:?}");
            assert_eq!(response.header("access-control-allow-credentials"), None, "{response:?}");
            assert_eq!(response.header("vary"), Some("origin"), "{response:?}");
        }
    }
}

/// The real binary as `cargo xtask up` starts it, and as nobody may start it on AWS.
#[test]
fn a_page_of_this_machine_may_call_a_local_run_and_no_deployment_starts_with_that() {
    let spawn = |mode: &str| {
        let settings =
            [("LAUNCH_MODE", mode), ("PROJECT_NAME", "APP"), ("CORS_ORIGIN_WHITELIST", "[\"localhost\"]")];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        // A function that needs nothing else.
        Function::spawn(&PathBuf::from(setting("BIN_DIR")).join("docs"), &settings).expect("a process")
    };
    let ask = |function: &mut Function, origin: &str| {
        let event = event("auth-sign-up.preflight").header("Origin", Some(origin)).to_string();
        match function.invoke(&event, Duration::from_secs(20)).expect("an outcome") {
            Outcome::Response(text) => serde_json::from_str::<Value>(&text).expect("JSON"),
            other => json!(format!("{other:?}")),
        }
    };
    let mut local = spawn("LOCAL");
    for (origin, allowed) in [
        ("http://localhost:3000", json!(["http://localhost:3000"])),
        ("http://localhost.evil.example:3000", Value::Null),
        ("https://evil.example", Value::Null),
    ] {
        let response = ask(&mut local, origin);
        assert_eq!(response["statusCode"], 204, "{response}");
        assert_eq!(response["multiValueHeaders"]["access-control-allow-origin"], allowed, "{response}");
    }
    for mode in ["TEST", "PROD"] {
        let response = ask(&mut spawn(mode), "http://localhost:3000");
        assert_eq!(response["statusCode"], Value::Null, "{mode}: {response}");
    }
}

#[test]
fn a_forged_address_is_in_no_session() {
    let address = new_address();
    sign_up(&address);
    let credentials = json!({ "email": address, "password": PASSWORD });
    let forged = [
        ("x-forwarded-for", "192.0.2.1, 192.0.2.2"),
        ("forwarded", "for=192.0.2.3"),
        ("x-real-ip", "192.0.2.4"),
        ("true-client-ip", "192.0.2.5"),
        ("cf-connecting-ip", "192.0.2.6"),
        ("x-client-ip", "192.0.2.7"),
    ];
    let tokens = request("POST", "/api/v1/auth/tokens/", &forged, Some(&credentials));
    let bearer = format!("Bearer {}", tokens.text("access"));
    let sessions = get("/api/v1/auth/sessions/", &[("authorization", &bearer)]);
    assert_eq!(sessions.body["results"][0]["ip"], "127.0.0.1", "{sessions:?}");
}

#[test]
fn what_is_too_large_is_told_so_in_the_envelope() {
    let wide = "x".repeat(MAX_HEADER_BYTES);
    let refused = get("/api/v1/debug/health-check/", &[("x-wide", &wide)]);
    assert_eq!((refused.status, refused.text("code")), (431, "too_large".into()), "{refused:?}");
    let query: Vec<String> = (0..=MAX_QUERY_PARAMETERS).map(|n| format!("k{n}=")).collect();
    let refused = get(&format!("/api/v1/debug/health-check/?{}", query.join("&")), &[]);
    assert_eq!((refused.status, refused.text("code")), (414, "too_large".into()), "{refused:?}");
    let deep = (0..MAX_BODY_LEVELS).fold(json!(1), |inner, _| json!({ "x": inner }));
    let deeper = json!({ "x": deep });
    let refused = request("POST", "/api/v1/auth/tokens/", &[], Some(&deeper));
    assert_eq!((refused.status, refused.text("code")), (400, "malformed".into()), "{refused:?}");
}
