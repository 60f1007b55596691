//! The test and the sample event of a new endpoint.

use serde_json::{Value, json};

use super::spec::{Access, Endpoint};

/// What the sample event has at the place of `{uuid}`.
const UUID: &str = "9c704230-7825-4913-a00a-3450779974e8";

pub(super) fn test(endpoint: &Endpoint) -> String {
    let (name, status) = (&endpoint.name, endpoint.status());
    let signs_in = endpoint.access != Access::Public;
    let allows = matches!(endpoint.access, Access::Permission(_));
    let response = if signs_in { "signed_in" } else { "" };
    let imports: Vec<&str> = [if allows { "allow" } else { "" }, "call", response]
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let json = if endpoint.takes_body() { "use serde_json::json;\n" } else { "" };
    let mut world = "let app = TestApp::new().await;\n".to_owned();
    if signs_in {
        world += "let access = signed_in(&app).await.text(\"/access\");\n";
    }
    let mut allowed = world.clone();
    if let Access::Permission(word) = &endpoint.access {
        allowed += &format!("allow(&app, &[\"{word}\"]).await;\n");
    }
    let bearer = if signs_in { ".bearer(&access)" } else { "" };
    let sample = format!("event(\"{name}\"){bearer}");
    let shown =
        if endpoint.takes_body() { "assert_eq!(response.text(\"/name\"), \"example\");\n" } else { "" };
    let first = if endpoint.list.is_some() {
        format!(
            "#[tokio::test]\nasync fn it_returns_pages() {{\n{allowed}\
             let event = {sample}.query(&[(\"order\", \"id\"), (\"limit\", \"1\"), (\"count\", \"true\")]);\n\
             let response = call(&app, handler, &event).await;\nassert_eq!(response.status, 200, \"{{response:?}}\");\n\
             let count = response.body[\"count\"].as_u64().expect(\"a number\");\n\
             let page = response.body[\"results\"].as_array().expect(\"a list\").len() as u64;\n\
             assert_eq!((page, response.body[\"next\"].is_null()), (count.min(1), count <= 1));\n}}\n\n\
             #[tokio::test]\nasync fn what_is_no_filter_is_refused() {{\n{allowed}\
             let event = {sample}.query(&[(\"colour\", \"red\")]);\n\
             call(&app, handler, &event).await.is_error(400, \"malformed\").names(\"colour\", \"unknown\");\n}}\n"
        )
    } else {
        format!(
            "#[tokio::test]\nasync fn it_succeeds() {{\n{allowed}let response = call(&app, handler, &{sample}).await;\n\
             assert_eq!(response.status, {status}, \"{{response:?}}\");\n{shown}}}\n"
        )
    };
    let mut code = format!(
        "//! `{} {}`.\n\nuse app_core::testing::{{TestApp, event}};\nuse catalogue::functions::{}::handler;\n{json}\n\
         use crate::support::{{{}}};\n\n{first}",
        endpoint.method(),
        endpoint.route.path,
        endpoint.module(),
        imports.join(", "),
    );
    if signs_in {
        code += &format!(
            "\n#[tokio::test]\nasync fn without_a_token_it_is_refused() {{\nlet app = TestApp::new().await;\n\
             let response = call(&app, handler, &event(\"{name}\").header(\"Authorization\", None)).await;\n\
             response.is_error(401, \"unauthenticated\");\n}}\n"
        );
    }
    if allows {
        code += &format!(
            "\n#[tokio::test]\nasync fn without_the_permission_it_is_refused() {{\n{world}\
             call(&app, handler, &{sample}).await.is_error(403, \"forbidden\");\n}}\n"
        );
    }
    if endpoint.access == Access::Recent {
        code += &format!(
            "\n#[tokio::test]\nasync fn without_a_recent_proof_it_is_refused() {{\n{world}\
             app.database.client().await.execute(\"update auth_session set proved_at = null\", &[]).await.unwrap();\n\
             call(&app, handler, &{sample}).await.is_error(403, \"reauthenticate\");\n}}\n"
        );
    }
    if endpoint.takes_body() {
        code += &format!(
            "\n#[tokio::test]\nasync fn a_bad_body_is_refused_by_its_field() {{\n{allowed}\
             let event = {sample}.body(&json!({{ \"name\": \"x\".repeat(65) }}));\n\
             call(&app, handler, &event).await.is_error(422, \"validation\").names(\"name\", \"too_long\");\n}}\n"
        );
    }
    if endpoint.has_uuid() {
        code += &format!(
            "\n#[tokio::test]\nasync fn what_is_no_uuid_is_not_found() {{\n{allowed}let mut event = {sample};\n\
             event.0[\"pathParameters\"][\"uuid\"] = \"none\".into();\n\
             call(&app, handler, &event).await.is_error(404, \"not_found\");\n}}\n"
        );
    }
    if endpoint.idempotent {
        code += &format!(
            "\n#[tokio::test]\nasync fn a_repeated_request_gets_the_first_response() {{\n{allowed}\
             let event = {sample}.header(\"Idempotency-Key\", Some(\"one-and-the-same\"));\n\
             let (first, second) = (call(&app, handler, &event).await, call(&app, handler, &event).await);\n\
             assert_eq!((second.status, &second.body), ({status}, &first.body));\n\
             assert_eq!(first.header(\"idempotency-replayed\"), None);\n\
             assert_eq!(second.header(\"idempotency-replayed\"), Some(\"true\"));\n}}\n"
        );
    }
    code
}

/// Returns the event that API Gateway would send.
pub(super) fn sample(endpoint: &Endpoint) -> String {
    let (resource, method) = (endpoint.route.resource(), endpoint.method());
    let mut path = endpoint.route.path.clone();
    let mut parameters = json!({});
    for parameter in endpoint.route.parameters() {
        let value = if parameter == "uuid" { UUID } else { "1" };
        path = path.replace(&format!("{{{parameter}}}"), value);
        parameters[parameter] = json!(value);
    }
    let mut headers = vec![
        ("Accept", "application/json"),
        ("Host", "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"),
        ("User-Agent", "curl/8.7.1"),
        ("X-Amzn-Trace-Id", "Root=1-68a1c3d4-37175607ee066b28096ffe2a"),
        ("X-Forwarded-For", "203.0.113.7, 198.51.100.23"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ];
    if endpoint.access != Access::Public {
        headers.push(("Authorization", "Bearer REPLACE_WITH_ACCESS_TOKEN"));
    }
    if endpoint.takes_body() {
        headers.push(("Content-Type", "application/json"));
    }
    headers.sort_unstable();
    let single = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multi = headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let body = if endpoint.takes_body() { json!("{\"name\": \"example\"}") } else { Value::Null };
    let event = json!({
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": Value::Object(single),
        "multiValueHeaders": Value::Object(multi),
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": if parameters == json!({}) { Value::Null } else { parameters },
        "stageVariables": null,
        "requestContext": {
            "resourceId": "b8222e",
            "resourcePath": resource,
            "httpMethod": method,
            "extendedRequestId": "M8xFnmlSlluWQ58=",
            "requestTime": "17/Aug/2025:11:58:12 +0000",
            "path": format!("/v1{path}"),
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "v1",
            "domainPrefix": "a1b2c3d4e5",
            "requestTimeEpoch": 1_755_431_892_345_u64,
            "requestId": "92cdcd5c-80f5-4a32-8927-c648aa2c1713",
            "identity": { "sourceIp": "203.0.113.7", "userAgent": "curl/8.7.1" },
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "deploymentId": "x9y8z7",
            "apiId": "a1b2c3d4e5",
        },
        "body": body,
        "isBase64Encoded": false,
    });
    serde_json::to_string_pretty(&event).unwrap_or_default() + "\n"
}
