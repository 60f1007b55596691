//! All endpoints: who may call them, as their handlers declare it, and how a test calls them. RPC methods declare
//! who may call them where they are listed.

use std::{
    any::TypeId,
    time::{Duration, Instant},
};

use app_core::{
    App, Result,
    config::LaunchMode,
    interfaces::http::{
        self, Access, Admission, Handler, IdempotentResponse, IntoResponse, Invocation, Request,
    },
};
use serde_json::Value;
use utoipa::OpenApi;

/// One endpoint as a value.
pub struct Endpoint {
    /// The name of its function.
    pub name: &'static str,
    pub access: Access,
    /// Whether it accepts an `Idempotency-Key`, as the type of its response says.
    pub idempotent: bool,
    description: Option<fn() -> utoipa::openapi::OpenApi>,
    handler: Handler,
}

impl Endpoint {
    /// Turns an event of API Gateway into its response, both as Lambda has them.
    pub async fn call(&self, app: &App, event: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        let invocation = Invocation { id: "invocation-1", trace: None };
        let response = http::respond(app, &self.handler, event, invocation, deadline).await;
        serde_json::to_value(response).expect("a response serialises")
    }

    /// Returns what the attribute of its handler says: one path with one operation, and its schemas.
    pub fn description(&self) -> Option<utoipa::openapi::OpenApi> {
        self.description.map(|description| description())
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("access", &self.access)
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
}

/// Makes the endpoint of a function, from its name and its library.
macro_rules! endpoint {
    ($name:literal, $function:ident) => {{
        #[derive(OpenApi)]
        #[openapi(paths($function::handler))]
        struct Description;
        Endpoint { description: Some(Description::openapi), ..of($name, $function::handler) }
    }};
}

/// Returns all endpoints. Those with a description are the functions in Cargo.toml.
pub fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = include!(concat!(env!("OUT_DIR"), "/endpoints.rs"));
    endpoints.push(of("docs", docs::handler));
    endpoints
}

/// Returns each RPC method by its path, as in `/package.Service/Method`.
pub fn methods() -> Vec<(&'static str, Access)> {
    grpc::methods(LaunchMode::Test).declared().collect()
}

fn of<H, A, F, R>(name: &'static str, handler: H) -> Endpoint
where
    H: Fn(App, Request, A) -> F + Clone + Send + Sync + 'static,
    A: Admission + Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
    R: IntoResponse + Send + 'static,
{
    let idempotent = TypeId::of::<R>() == TypeId::of::<IdempotentResponse>();
    Endpoint { name, access: A::ACCESS, idempotent, description: None, handler: Handler::of(handler) }
}
