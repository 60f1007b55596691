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
use utoipa::OpenApi;

/// One endpoint as a value.
pub struct Endpoint {
    pub access: Access,
    /// Whether it accepts an `Idempotency-Key`, as the type of its response says.
    pub idempotent: bool,
    description: Option<fn() -> utoipa::openapi::OpenApi>,
    call: Call,
}

type Call = Box<dyn for<'a> Fn(&'a App, &'a str) -> Pin<Box<dyn Future<Output = Value> + 'a>>>;

impl Endpoint {
    /// An event of API Gateway to its answer, both as Lambda has them.
    pub async fn call(&self, app: &App, event: &str) -> Value {
        (self.call)(app, event).await
    }

    /// Returns what the handler's attribute says: one path with one operation, and its schemas.
    pub fn description(&self) -> Option<utoipa::openapi::OpenApi> {
        self.description.map(|description| description())
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

/// Makes an endpoint of the function of this name.
macro_rules! endpoint {
    ($name:literal, $function:ident) => {{
        #[derive(OpenApi)]
        #[openapi(paths($function::handler))]
        struct Description;
        ($name, Endpoint { description: Some(Description::openapi), ..of($function::handler) })
    }};
}

/// Each endpoint by the name of its function.
pub fn endpoints() -> Vec<(&'static str, Endpoint)> {
    vec![
        endpoint!("auth-sign-up", auth_sign_up),
        endpoint!("auth-tokens", auth_tokens),
        endpoint!("auth-tokens-refresh", auth_tokens_refresh),
        endpoint!("auth-sign-out", auth_sign_out),
        endpoint!("auth-sessions-list", auth_sessions_list),
        endpoint!("auth-sessions-revoke", auth_sessions_revoke),
        endpoint!("auth-password-change", auth_password_change),
        endpoint!("users-me", users_me),
        endpoint!("users-me-update", users_me_update),
        endpoint!("users-list", users_list),
        endpoint!("users-get", users_get),
        endpoint!("users-update", users_update),
        endpoint!("users-delete", users_delete),
        endpoint!("audit-list", audit_list),
        endpoint!("api-keys-create", api_keys_create),
        endpoint!("api-keys-list", api_keys_list),
        endpoint!("api-keys-revoke", api_keys_revoke),
        endpoint!("tasks-get", tasks_get),
        endpoint!("debug-send-message", debug_send_message),
        endpoint!("debug-health-check", debug_health_check),
        // It serves the document and is no part of it.
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
    let idempotent = TypeId::of::<R>() == TypeId::of::<IdempotentReply>();
    Endpoint { access: A::ACCESS, idempotent, description: None, call }
}
