//! Through the gateway, as a client sees it.

use serde_json::{Value, json};

use crate::support::{
    PASSWORD, delete, get, new_address, patch, post, post_as, post_with, preflight, request, sign_up,
};

#[test]
fn the_four_calls_of_the_prototype_work_in_both_spellings() {
    for slash in ["/", ""] {
        let path = |path: &str| format!("/api/v1{path}{slash}");
        let address = new_address();
        let credentials = json!({ "email": address, "password": PASSWORD });

        let user = post(&path("/auth/sign-up"), &credentials);
        assert_eq!((user.status, user.text("email")), (200, address.clone()), "{user:?}");

        let first = post(&path("/auth/tokens"), &credentials);
        assert_eq!((first.status, &first.body["user_data"]["uuid"]), (200, &user.body["uuid"]), "{first:?}");

        let second = post_as(&path("/auth/tokens/refresh"), &first.text("refresh"));
        assert_eq!((second.status, &second.body["user_data"]), (200, &first.body["user_data"]), "{second:?}");
        assert_ne!(second.text("access"), first.text("access"));
        assert_ne!(second.text("refresh"), first.text("refresh"));

        let me = get(&path("/users/me"), Some(&second.text("access")));
        assert_eq!(
            (me.status, &me.body["uuid"], me.text("email")),
            (200, &user.body["uuid"], address),
            "{me:?}"
        );
        assert_eq!(me.body.get("password_hashed"), None);

        let third = post_as(&path("/auth/tokens/refresh"), &second.text("refresh"));
        assert_eq!(third.status, 200, "{third:?}");
    }
}

#[test]
fn a_changed_profile_is_what_the_next_call_shows() {
    let address = new_address();
    sign_up(&address);
    let tokens = post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD }));
    let access = tokens.text("access");
    let changed =
        patch("/api/v1/users/me/", &access, &json!({ "first_name": "Ada", "meta": { "theme": "dark" } }));
    assert_eq!((changed.status, changed.text("first_name")), (200, "Ada".into()), "{changed:?}");
    assert_eq!(get("/api/v1/users/me", Some(&access)).body, changed.body);
}

#[test]
fn sessions_are_listed_ended_and_signed_out_of_through_the_gateway() {
    let address = new_address();
    sign_up(&address);
    let credentials = json!({ "email": address, "password": PASSWORD });
    let [here, there] = [(); 2].map(|()| post("/api/v1/auth/tokens/", &credentials).text("access"));

    let list = get("/api/v1/auth/sessions/", Some(&here));
    let sessions = list.body["results"].as_array().expect("a list").clone();
    assert_eq!((list.status, sessions.len()), (200, 2), "{list:?}");
    let other = sessions.iter().find(|session| session["current"] == json!(false)).expect("the other one");
    let path = format!("/api/v1/auth/sessions/{}/", other["id"].as_str().expect("an id"));
    assert_eq!(delete(&path, &here).status, 204);
    assert_eq!(get("/api/v1/users/me/", Some(&there)).status, 401);
    assert_eq!(delete(&path, &here).status, 404);

    let new = "staple of another horse";
    let change = json!({ "current": PASSWORD, "new": new });
    let changed = post_with("/api/v1/auth/password/change/", &here, &change);
    assert_eq!(changed.status, 204, "{changed:?}");
    assert_eq!(post("/api/v1/auth/tokens/", &credentials).status, 401);
    let again = post("/api/v1/auth/tokens/", &json!({ "email": address, "password": new }));
    assert_eq!(again.status, 200, "{again:?}");

    let out = post_with("/api/v1/auth/sign-out/", &here, &json!({ "everywhere": true }));
    assert_eq!(out.status, 204, "{out:?}");
    for token in [here, again.text("access")] {
        assert_eq!(get("/api/v1/users/me/", Some(&token)).status, 401);
    }
}

#[test]
fn health_covers_database_and_queue() {
    let health = get("/api/v1/debug/health-check/", None);
    assert_eq!((health.status, &health.body["status"]), (200, &json!("OK")), "{health:?}");
    assert_eq!(health.body["checks"], json!({ "database": "OK", "events_queue": "OK" }));
}

#[test]
fn head_reaches_what_a_monitor_or_a_crawler_asks_for() {
    for path in
        ["/api/v1/debug/health-check/", "/docs/", "/redoc/", "/api/openapi.json", "/docs/swagger-ui.css"]
    {
        let response = request("HEAD", path, &[], None);
        assert_eq!((response.status, &response.body), (200, &Value::Null), "{path}: {response:?}");
    }
}

#[test]
fn what_a_function_refuses_and_what_the_gateway_refuses_look_alike() {
    let refused = get("/api/v1/users/me/", None);
    let unknown = get("/api/v1/nowhere/", None);
    assert_eq!((refused.status, refused.text("code")), (401, "unauthenticated".into()), "{refused:?}");
    assert_eq!((unknown.status, unknown.text("code")), (404, "not_found".into()), "{unknown:?}");
    let keys = |body: &Value| {
        body.as_object().expect("an object").keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(keys(&refused.body), keys(&unknown.body));
    for response in [refused, unknown] {
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{response:?}");
    }
}

#[test]
fn a_taken_address_is_a_conflict_and_bad_input_names_its_key() {
    let address = new_address();
    sign_up(&address);
    let taken =
        post("/api/v1/auth/sign-up/", &json!({ "email": address.to_uppercase(), "password": PASSWORD }));
    assert_eq!((taken.status, taken.text("code")), (409, "already_exists".into()), "{taken:?}");
    let bad = post("/api/v1/auth/sign-up/", &json!({ "email": "ada", "password": PASSWORD }));
    assert_eq!(
        (bad.status, &bad.body["details"]),
        (422, &json!([{ "key": "email", "reason": "format" }])),
        "{bad:?}"
    );
}

#[test]
fn every_response_names_its_request() {
    let response = get("/api/v1/users/me/", None);
    assert_eq!(response.header("x-request-id"), response.body["request_id"].as_str(), "{response:?}");
}

#[test]
fn a_preflight_reaches_the_function_that_owns_the_path() {
    let response = preflight("/api/v1/auth/sign-up/", "https://elsewhere.example");
    assert_eq!(response.status, 204, "{response:?}");
    assert!(response.header("access-control-allow-methods").is_some(), "{response:?}");
    // The parameter CorsAllowHeaders of the tests' deployment.
    let headers = response.header("access-control-allow-headers");
    assert!(headers.is_some_and(|names| names.ends_with(", traceparent")), "{response:?}");
}
