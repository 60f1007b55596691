//! The loop of an HTTP function: it takes an event and always returns a response.

use std::{sync::Arc, time::Instant};

use lambda_http::{
    aws_lambda_events::apigw::ApiGatewayProxyResponse,
    http::{HeaderMap, Method},
};

use super::{Handler, IntoResponse, error};
use crate::{
    app::{App, Need},
    domain::Result,
    interfaces::{
        access::Admission,
        gateway::{RESERVE, Request, TextResponse, cors, to_gateway},
        runtime::{Invocation, RuntimeError, deadline, guarded, prepared, start},
        workers::each_event,
    },
    telemetry::{Scope, note_status},
};

/// Starts an HTTP function with its needs, then serves requests until the environment is shut down.
///
/// A caller that the handler's admission type rejects never reaches the handler.
///
/// # Errors
/// `Configuration` with everything that is wrong, and errors of Lambda's Runtime API.
pub fn main<H, A, F, R>(needs: &[Need], handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, Request, A) -> F + Clone + Send + Sync + 'static,
    A: Admission + Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
    R: IntoResponse + Send + 'static,
{
    start(needs, |app| serve(app, Handler::of(handler)))
}

/// The runtime passes raw JSON and never sees an error. `lambda_http::run` would parse the event before our
/// code runs, and its response to a malformed event would not be our envelope.
async fn serve(app: App, handler: Handler) -> Result<(), RuntimeError> {
    prepared(&app, handler.prepare(&app)).await;
    let (own, handler) = (app.clone(), Arc::new(handler));
    each_event(&app, move |event| {
        let (app, handler) = (own.clone(), Arc::clone(&handler));
        async move {
            let deadline = deadline(&app, &event.context);
            let invocation = Invocation::of(&event.context);
            Ok::<_, RuntimeError>(respond(&app, &handler, event.payload.get(), invocation, deadline).await)
        }
    })
    .await
}

/// Turns an event into a response. Tests call this function too. Lambda's id of the invocation is used if API Gateway's
/// id is missing.
pub async fn respond(
    app: &App,
    handler: &Handler,
    event: &str,
    invocation: Invocation<'_>,
    deadline: Instant,
) -> ApiGatewayProxyResponse {
    let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let request = Request::parse(event);
    let known = request.as_ref().ok();
    let id = known.map_or(invocation.id, Request::id).to_owned();
    let trace = invocation.trace_of_request(&id, known.and_then(|request| request.header("traceparent")));
    let is_head = known.is_some_and(|request| request.method() == Method::HEAD);
    let (method, route) = (known.and_then(Request::known_method), known.and_then(Request::route));
    let scope = Scope::of_request(id.clone(), trace, method, route);
    let work = async {
        let (cors_headers, result) = match request {
            Err(error) => (HeaderMap::new(), Err(error)),
            Ok(request) => {
                (cors::headers(&app.config().cors, &request), handle(app, handler, request, end).await)
            }
        };
        let mut response = result.unwrap_or_else(|error| error::render(&error, &id, app.config().debug));
        response.headers_mut().extend(cors_headers);
        note_status(response.status().as_u16());
        response
    };
    let mut response = scope.run(work).await;
    if is_head {
        // HEAD has the status and the headers of GET, but no body.
        response.body_mut().clear();
    }
    to_gateway(response, &id)
}

async fn handle(app: &App, handler: &Handler, request: Request, end: Instant) -> Result<TextResponse> {
    request.check_size()?;
    match cors::preflight(&app.config().cors, &request) {
        Some(response) => Ok(response),
        None => guarded(end, handler.handle(app.clone(), request)).await,
    }
}
