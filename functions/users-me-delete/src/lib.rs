//! `DELETE /api/v1/users/me/`: the caller deletes the own account.

use app_core::{
    App, Result,
    application::challenges::Deletion,
    interfaces::http::{Caller, Recent, Request, SignedIn, StatusCode, WithStatus},
    response,
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

response! {
    #[derive(Debug, Serialize, ToSchema)]
    pub struct DeletionResponse from Deletion {
        #[serde(with = "app_core::domain::timestamp")]
        deleted_at: OffsetDateTime,
        /// Until then you can restore the account. Then it is erased.
        #[serde(with = "app_core::domain::timestamp")]
        restorable_until: OffsetDateTime,
    }
}

/// Delete your account
///
/// Ends all sessions and API keys, and nobody can sign in. If you have an e-mail address, you get a mail with a link that
/// restores the account until `restorable_until`. The same is possible with your password: a sign-in by e-mail address or
/// phone returns `deletion_pending` and a token. Then all your data is erased. Until then nobody can take an address or a
/// number that you have confirmed.
#[utoipa::path(
    delete, path = "/api/v1/users/me/", tag = "users", operation_id = "delete_me",
    responses((status = 202, description = "The account is closed and will be erased", body = DeletionResponse)),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: Caller<Recent<SignedIn>>,
) -> Result<WithStatus<DeletionResponse>> {
    let grace = app.config().deletion_grace;
    let (deletion, outgoing) =
        app.challenges()?.delete_account(&caller.token, grace, request.client()).await?;
    app.publish(outgoing).await;
    Ok(WithStatus(StatusCode::ACCEPTED, deletion.into()))
}
