//! All endpoints: who may call them, as their handlers declare it, and how a test calls them. A new
//! endpoint is one line in `endpoints`; RPC methods declare it where they are listed.

use std::{
    any::TypeId,
    pin::Pin,
    time::{Duration, Instant},
};

use app_core::{
    App, Result,
    config::LaunchMode,
    interfaces::http::{self, Access, Admission, IdempotentReply, Reply, Request},
};
use serde_json::Value;

/// One endpoint as a value.
pub struct Endpoint {
    pub access: Access,
    idempotent: bool,
    call: Call,
}

type Call = Box<dyn for<'a> Fn(&'a App, &'a str) -> Pin<Box<dyn Future<Output = Value> + 'a>>>;

impl Endpoint {
    /// An event of API Gateway to its answer, both as Lambda has them.
    pub async fn call(&self, app: &App, event: &str) -> Value {
        (self.call)(app, event).await
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("access", &self.access).finish_non_exhaustive()
    }
}

/// Who may call what, by the name of the function.
pub fn table() -> Vec<(&'static str, Access)> {
    endpoints().into_iter().map(|(name, endpoint)| (name, endpoint.access)).collect()
}

/// Each endpoint by the name of its function.
pub fn endpoints() -> Vec<(&'static str, Endpoint)> {
    vec![
        ("auth-sign-up", of(auth_sign_up::handler)),
        ("auth-tokens", of(auth_tokens::handler)),
        ("auth-tokens-refresh", of(auth_tokens_refresh::handler)),
        ("auth-sign-out", of(auth_sign_out::handler)),
        ("auth-sessions-list", of(auth_sessions_list::handler)),
        ("auth-sessions-revoke", of(auth_sessions_revoke::handler)),
        ("auth-password-change", of(auth_password_change::handler)),
        ("users-me", of(users_me::handler)),
        ("users-me-update", of(users_me_update::handler)),
        ("users-list", of(users_list::handler)),
        ("users-get", of(users_get::handler)),
        ("users-update", of(users_update::handler)),
        ("users-delete", of(users_delete::handler)),
        ("audit-list", of(audit_list::handler)),
        ("api-keys-create", of(api_keys_create::handler)),
        ("api-keys-list", of(api_keys_list::handler)),
        ("api-keys-revoke", of(api_keys_revoke::handler)),
        ("tasks-get", of(tasks_get::handler)),
        ("debug-send-message", of(debug_send_message::handler)),
        ("debug-health-check", of(debug_health_check::handler)),
        ("docs", of(docs::handler)),
    ]
}

/// Each RPC method by its path, as in `/package.Service/Method`.
pub fn methods() -> Vec<(&'static str, Access)> {
    grpc::methods(LaunchMode::Test).declared().collect()
}

/// The endpoints that take an `Idempotency-Key`, as the type of their answer says.
pub fn idempotent() -> Vec<&'static str> {
    endpoints().into_iter().filter(|(_, endpoint)| endpoint.idempotent).map(|(name, _)| name).collect()
}

fn of<H, A, F, R>(handler: H) -> Endpoint
where
    H: Fn(App, Request, A) -> F + Copy + 'static,
    A: Admission + 'static,
    F: Future<Output = Result<R>> + 'static,
    R: Reply + 'static,
{
    let call: Call = Box::new(move |app, event| {
        Box::pin(async move {
            let deadline = Instant::now() + Duration::from_secs(60);
            let answer = http::answer(app, handler, event, "invocation-1", deadline).await;
            serde_json::to_value(answer).expect("an answer serialises")
        })
    });
    Endpoint { access: A::ACCESS, idempotent: TypeId::of::<R>() == TypeId::of::<IdempotentReply>(), call }
}
