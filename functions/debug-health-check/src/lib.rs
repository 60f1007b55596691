//! `GET /api/v1/debug/health-check/`: checks the services that the functions depend on.

use std::collections::BTreeMap;

use app_core::{
    App, Result,
    application::health,
    interfaces::http::{Public, Request, StatusCode, WithStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct HealthResponse {
    #[schema(example = "OK")]
    status: &'static str,
    /// Status of each dependency. `events_queue` is missing when events go through Kafka.
    #[schema(example = json!({"database": "OK", "events_queue": "OK"}))]
    checks: BTreeMap<&'static str, &'static str>,
}

/// Check the health
#[utoipa::path(
    get, path = "/api/v1/debug/health-check/", tag = "debug", operation_id = "health_check",
    responses(
        (status = 200, description = "All dependencies are available", body = HealthResponse),
        (status = 503, description = "At least one dependency is unavailable", body = HealthResponse),
    ),
)]
pub async fn handler(app: App, _: Request, _: Public) -> Result<WithStatus<HealthResponse>> {
    let checks = health::check(app.db()?, app.bus()?).await;
    let (status_code, status) = if health::is_well(&checks) {
        (StatusCode::OK, "OK")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "NOT OK")
    };
    let word = |check: &health::Check| if check.outcome.is_ok() { "OK" } else { "NOT OK" };
    let checks = checks.iter().map(|check| (check.name, word(check))).collect();
    Ok(WithStatus(status_code, HealthResponse { status, checks }))
}
