//! `POST /api/v1/debug/send-message/`: sends an event, to try out event handlers.

use app_core::{
    App, Error, Result,
    application::events,
    config::LaunchMode,
    infrastructure::tx::Tx,
    interfaces::http::{
        Body, DebugSend, Idempotent, IdempotentResponse, KeyOrCaller, Request, StatusCode, Storable,
        WithStatus, openapi::MissingProblem,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessageRequest {
    /// The name of an event that has a handler.
    #[schema(example = "user_created")]
    event: String,
    /// The event's data, in the form that its handlers read.
    #[schema(value_type = Object, example = json!({ "uuid": "2bb58a19-2001-4a8b-a223-79b2ba7d5229" }))]
    data: Value,
}

impl Body for SendMessageRequest {
    const REQUIRED: &'static [&'static str] = &["event", "data"];
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SendMessageResponse {
    /// The id of the event. The log lines of its handlers contain it.
    id: Uuid,
}

impl Storable for SendMessageResponse {}

/// Send an event
///
/// Sends the event through the outbox, like any other event. This endpoint does not exist in production.
#[utoipa::path(
    post, path = "/api/v1/debug/send-message/", tag = "debug", operation_id = "send_message",
    request_body = SendMessageRequest,
    responses(
        (status = 201, description = "The event is in the outbox and will be sent", body = SendMessageResponse),
        MissingProblem,
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: KeyOrCaller<DebugSend>,
) -> Result<IdempotentResponse> {
    if app.config().launch_mode == LaunchMode::Prod {
        return Err(Error::NotFound("route"));
    }
    let handlers = app.event_handlers();
    let SendMessageRequest { event, data } = request.json_with(|fields| {
        let (Some(event), Some(data)) = (fields.get::<String>("event"), fields.get("data")) else {
            return Ok(());
        };
        handlers.check(&event, &data).map(drop)
    })?;
    let idempotent = Idempotent::of(&app, &request, caller.user.uuid).await?;
    let send = async |tx: &mut Tx<'_>| {
        let id = events::send(tx, handlers, &event, data)?;
        Ok(WithStatus(StatusCode::CREATED, SendMessageResponse { id }))
    };
    let mut response = idempotent.run(send).await?;
    app.publish(response.take_outgoing()).await;
    Ok(response)
}
