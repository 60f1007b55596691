//! `POST /api/v1/debug/send-message/`: puts an event on its way, for trying handlers out.

use app_core::{
    App, Error, Result,
    application::events,
    config::LaunchMode,
    infrastructure::db::Tx,
    interfaces::http::{
        Body, DebugSend, Idempotent, IdempotentReply, KeyOrCaller, Request, StatusCode, Storable, WithStatus,
        openapi::{
            AnyProblem, AuthProblem, BodyProblem, IdempotencyKey, InProgressProblem, MissingProblem,
            RightProblem,
        },
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessageRequest {
    /// One that somebody handles.
    #[schema(example = "user_created")]
    event: String,
    /// In the shape that its handlers read.
    #[schema(value_type = Object, example = json!({ "uuid": "2bb58a19-2001-4a8b-a223-79b2ba7d5229" }))]
    data: Value,
}

impl Body for SendMessageRequest {
    const REQUIRED: &'static [&'static str] = &["event", "data"];
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SendMessageResponse {
    /// The event's: it stands in the log lines of whoever handles it.
    id: Uuid,
}

impl Storable for SendMessageResponse {}

/// Send an event
///
/// Through the outbox, like an event of our own making. Not in production: there it does not exist.
#[utoipa::path(
    post, path = "/api/v1/debug/send-message/", tag = "debug", operation_id = "send_message",
    security(("bearer" = ["debug:send"]), ("api_key" = ["debug:send"])),
    params(IdempotencyKey),
    request_body = SendMessageRequest,
    responses(
        (status = 201, description = "It is on its way", body = SendMessageResponse),
        AuthProblem, RightProblem, MissingProblem, BodyProblem, InProgressProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: KeyOrCaller<DebugSend>) -> Result<IdempotentReply> {
    if app.config().launch_mode == LaunchMode::Prod {
        return Err(Error::NotFound("route"));
    }
    let SendMessageRequest { event, data } = request.json()?;
    let idempotent = Idempotent::of(&app, &request, caller.user.uuid).await?;
    let send = async |tx: &mut Tx<'_>| {
        let id = events::send(tx, app.handlers(), &event, data)?;
        Ok(WithStatus(StatusCode::CREATED, SendMessageResponse { id }))
    };
    let mut answer = idempotent.run(send).await?;
    app.publish(answer.take_outgoing()).await;
    Ok(answer)
}
