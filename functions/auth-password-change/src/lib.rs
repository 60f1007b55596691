//! `POST /api/v1/auth/password/change/`: replaces the user's password.

use app_core::{
    App, Error, Result,
    domain::{
        patch,
        users::{Email, PasswordAttempt, User},
    },
    interfaces::http::{
        Body, Caller, ErrorBody, Idempotent, IdempotentResponse, NoContent, Request, SignedIn,
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChangeRequest {
    /// Required, unless the account has no password yet. Then prove your identity first.
    #[serde(default, deserialize_with = "patch::not_null")]
    #[schema(value_type = String, format = Password, max_length = 128, example = "correct horse battery")]
    current: Option<PasswordAttempt>,
    /// Any characters. A longer password is a better one. Common passwords are refused, and so are those
    /// made of words from your address, your names or the product's name.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "staple of another horse")]
    new: PasswordAttempt,
    /// `true` keeps the user's API keys. By default they are revoked.
    #[serde(default)]
    keep_api_keys: bool,
}

impl Body for PasswordChangeRequest {
    const REQUIRED: &'static [&'static str] = &["new"];
}

/// Change your password
///
/// Ends all other sessions of the user, and revokes their API keys unless `keep_api_keys` is `true`. A mail tells a user
/// who has an address. A wrong current password gets 422 with the reason `wrong` for `current`. An account without a
/// password gets its first one, which takes a recent proof of identity in place of `current`.
#[utoipa::path(
    post, path = "/api/v1/auth/password/change/", tag = "auth", operation_id = "change_password",
    request_body = PasswordChangeRequest,
    responses(
        (status = 204, description = "The password has been changed. This session stays, and all others have ended."),
        (status = 403, description = "The account has no password, and you have not proved your identity in the last 5 minutes (code `reauthenticate`)", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let User { email, first_name, last_name, .. } = &caller.user;
    let canonical = caller.user.email();
    let mut about: Vec<&str> =
        [email, first_name, last_name].into_iter().flatten().map(String::as_str).collect();
    about.extend(canonical.as_ref().map(Email::canonical));
    let policy = app.password_policy();
    let accept =
        |new: &PasswordAttempt| policy.accept(new, &about).map_err(|reason| Error::invalid("new", reason));
    let body: PasswordChangeRequest =
        request.json_with(|fields| fields.check("new", |new| accept(&new).map(drop)))?;
    let new = accept(&body.new)?;
    let (user, client) = (caller.user.uuid, request.client());
    let (auth, limits) = (app.auth().await?, app.limits().await?);
    let idempotent = Idempotent::of(&app, &request, user).await?;
    // Read the hash before looking for a stored response. If a repetition of this request finishes in
    // between, it has changed the hash, but its response is found.
    let stored = auth.password_of(&limits, &caller.user, client).await?;
    if let Some(response) = idempotent.stored_response().await? {
        return Ok(response);
    }
    let passwords = app.passwords();
    let (current, proved) = (body.current.as_ref(), caller.has_proved_recently());
    let change = auth.prepare_password_change(passwords, stored, current, proved, &new, client).await?;
    let mut reply = idempotent
        .run(async |tx| {
            let changed = auth.change_password(tx, &caller.token, &change, body.keep_api_keys, client).await;
            changed.map(|()| NoContent)
        })
        .await?;
    app.publish(reply.take_outgoing()).await;
    Ok(reply)
}
