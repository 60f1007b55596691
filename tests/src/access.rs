//! Who may call which endpoint, as the handlers declare it. A new endpoint is one line in `endpoints`;
//! RPC methods declare it where they are listed.

use std::any::TypeId;

use app_core::{
    App, Result,
    config::LaunchMode,
    interfaces::http::{Access, Admission, IdempotentReply, Reply, Request},
};

/// Each endpoint by the name of its function.
fn endpoints() -> Vec<(&'static str, Declared)> {
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
    ]
}

/// Each RPC method by its path, as in `/package.Service/Method`.
pub fn methods() -> Vec<(&'static str, Access)> {
    grpc::methods(LaunchMode::Test).declared().collect()
}

/// Who may call each endpoint.
pub fn table() -> Vec<(&'static str, Access)> {
    endpoints().into_iter().map(|(name, declared)| (name, declared.access)).collect()
}

/// The endpoints that take an `Idempotency-Key`, as the type of their answer says.
pub fn idempotent() -> Vec<&'static str> {
    endpoints().into_iter().filter(|(_, declared)| declared.idempotent).map(|(name, _)| name).collect()
}

struct Declared {
    access: Access,
    idempotent: bool,
}

fn of<H, A, F, R>(_: H) -> Declared
where
    H: Fn(App, Request, A) -> F,
    A: Admission,
    F: Future<Output = Result<R>>,
    R: Reply + 'static,
{
    Declared { access: A::ACCESS, idempotent: TypeId::of::<R>() == TypeId::of::<IdempotentReply>() }
}
