use app_core::{
    config::EventsBus,
    testing::{TestApp, event},
};
use serde_json::json;

use crate::support::call;

#[tokio::test]
async fn health_is_ok_when_all_answers() {
    let app = TestApp::new().await;
    let response = call(&app, debug_health_check::handler, &event("debug-health-check")).await;
    assert_eq!(
        (response.status, response.body),
        (200, json!({ "status": "OK", "checks": { "database": "OK", "events_queue": "OK" } }))
    );
}

#[tokio::test]
async fn health_names_what_does_not_answer() {
    let app = TestApp::new().await;
    app.bus.set_down(true);
    let response = call(&app, debug_health_check::handler, &event("debug-health-check")).await;
    assert_eq!(
        (response.status, response.body),
        (503, json!({ "status": "NOT OK", "checks": { "database": "OK", "events_queue": "NOT OK" } }))
    );
}

#[tokio::test]
async fn where_events_go_to_kafka_their_queue_is_not_asked() {
    let app = TestApp::with(|config| {
        config.database.as_mut().expect("a database").outbox.events = EventsBus::Kafka;
    })
    .await;
    app.bus.set_down(true);
    let response = call(&app, debug_health_check::handler, &event("debug-health-check")).await;
    assert_eq!(
        (response.status, response.body),
        (200, json!({ "status": "OK", "checks": { "database": "OK" } }))
    );
}
