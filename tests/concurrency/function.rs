//! A function as an outsider would write one: several endpoints in one program, which fail on request.
//!
//! The header `X-Fault` of a change says how it fails: `panic`, `sleep` (for longer than any deadline), `wait` (for
//! Postgres, for longer than any deadline) or `slow` (it succeeds, after 0.1 s in Postgres). Each change writes a log line
//! with its header `X-Mark`.

use app_core::{
    App, Need, Result,
    infrastructure::db::{Sql, Statement},
    interfaces::http::{
        self, Admission, Caller, IntoResponse, Public, Request, Response, SignedIn, UsersWrite,
    },
};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], handler)
}

async fn handler(app: App, request: Request, _: Public) -> Result<Response<String>> {
    if request.path().ends_with("/auth/sign-up/") {
        return auth_sign_up::handler(app, request, Public).await?.into_response();
    }
    if request.path().ends_with("/auth/tokens/") {
        return auth_tokens::handler(app, request, Public).await?.into_response();
    }
    if request.path().ends_with("/users/me/") {
        let caller = Caller::<SignedIn>::admit(&app, &request).await?;
        return users_me::handler(app, request, caller).await?.into_response();
    }
    let caller = Caller::<UsersWrite>::admit(&app, &request).await?;
    let mark = request.header("x-mark").unwrap_or_default().to_owned();
    tracing::info!(mark, "begun");
    match request.header("x-fault") {
        Some("panic") => panic!("on request of {mark}"),
        Some("sleep") => tokio::time::sleep(std::time::Duration::from_secs(600)).await,
        Some("wait") => in_postgres(&app, 600.0).await?,
        Some("slow") => in_postgres(&app, 0.1).await?,
        _ => {}
    }
    users_update::handler(app, request, caller).await?.into_response()
}

async fn in_postgres(app: &App, seconds: f64) -> Result<()> {
    app.db()?.conn().await?.run(&Statement::new("select pg_sleep($1)").with(seconds)).await.map(drop)
}
