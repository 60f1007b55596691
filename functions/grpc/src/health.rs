//! gRPC's standard health check.

use app_core::{App, Error, Result, application::health, interfaces::http::Public};

use crate::messages::health::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};

/// All services have the same dependencies, so they share one status.
const SERVICES: [&str; 4] =
    ["", "grpc.pb.debug.DebugService", "grpc.pb.example.ExampleService", "grpc.health.v1.Health"];

pub(crate) async fn check(app: App, request: HealthCheckRequest, _: Public) -> Result<HealthCheckResponse> {
    if !SERVICES.contains(&request.service.as_str()) {
        return Err(Error::NotFound("service"));
    }
    let checks = health::check(app.db()?, app.bus()?).await;
    let status = if health::is_well(&checks) { ServingStatus::Serving } else { ServingStatus::NotServing };
    Ok(HealthCheckResponse { status: status.into() })
}
