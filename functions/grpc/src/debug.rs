//! `DebugService`: sends an event by hand, and has the prototype's health check.

use app_core::{
    App, Error, Result,
    application::{events, health},
    interfaces::http::{DebugSend, KeyOrCaller, Public},
};

use crate::messages::debug::{HealthCheckReq, HealthCheckResp, MessageReq, MessageResp};

pub(crate) async fn send_message(
    app: App,
    request: MessageReq,
    _: KeyOrCaller<DebugSend>,
) -> Result<MessageResp> {
    let data = request.data.ok_or_else(|| Error::invalid("data", "required"))?;
    let data = data.to_json().map_err(|reason| Error::invalid("data", reason))?;
    let mut conn = app.db()?.conn().await?;
    let mut tx = conn.begin().await?;
    let id = events::send(&mut tx, app.event_handlers(), &request.event, data)?;
    let outgoing = tx.commit().await?;
    drop(conn); // publishing needs this connection
    app.publish(outgoing).await;
    Ok(MessageResp { status: true, message: id.to_string() })
}

pub(crate) async fn health_check(app: App, _: HealthCheckReq, _: Public) -> Result<HealthCheckResp> {
    let checks = health::check(app.db()?, app.bus()?).await;
    let status = if health::is_well(&checks) { "SERVING" } else { "NOT_SERVING" };
    Ok(HealthCheckResp { status: status.to_owned() })
}
