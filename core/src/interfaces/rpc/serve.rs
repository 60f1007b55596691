//! The loop of an RPC function: it takes an event and returns a response in the caller's protocol.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayProxyResponse,
    http::{
        HeaderMap, HeaderValue, Response,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
            RETRY_AFTER,
        },
    },
};

use super::{
    Methods,
    code::Code,
    dialect::{Dialect, refuse_native},
    status::{RpcError, Status},
};
use crate::{
    app::{App, Need},
    config::LaunchMode,
    domain::{Error, Result},
    interfaces::{
        gateway::{RESERVE, Request, cors, to_gateway},
        runtime::{Invocation, RuntimeError, deadline, guarded, prepared, start},
        workers::each_event,
    },
    telemetry::{Scope, note_failure, note_status},
};

/// The headers that pages of allowed origins may send and read, in addition to those of HTTP.
const ALLOWED: &str = "authorization, content-type, connect-protocol-version, connect-timeout-ms, grpc-timeout, \
                       x-grpc-web, x-user-agent";
const EXPOSED: HeaderValue =
    HeaderValue::from_static("x-request-id, retry-after, grpc-status, grpc-message, grpc-status-details-bin");

/// The minimum time for a call, even if the client's timeout is shorter. A cancelled statement costs its
/// connection, and a new login costs Postgres more than the statement.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// Starts an RPC function with its needs, then serves calls until the environment is shut down. `methods` lists
/// the methods of a launch mode.
///
/// # Errors
/// `Configuration` with everything that is wrong, and errors of Lambda's Runtime API.
pub fn main(needs: &[Need], methods: impl FnOnce(LaunchMode) -> Methods) -> Result<(), RuntimeError> {
    start(needs, |app| {
        let methods = methods(app.config().launch_mode);
        serve(app, methods)
    })
}

async fn serve(app: App, methods: Methods) -> Result<(), RuntimeError> {
    prepared(&app, methods.prepare(&app)).await;
    let (own, methods) = (app.clone(), Arc::new(methods));
    each_event(&app, move |event| {
        let (app, methods) = (own.clone(), Arc::clone(&methods));
        async move {
            let deadline = deadline(&app, &event.context);
            let invocation = Invocation::of(&event.context);
            Ok::<_, RuntimeError>(respond(&app, &methods, event.payload.get(), invocation, deadline).await)
        }
    })
    .await
}

/// Turns an event into a response. Tests call this function too. Lambda's id of the invocation is used if API Gateway's
/// id is missing.
pub async fn respond(
    app: &App,
    methods: &Methods,
    event: &str,
    invocation: Invocation<'_>,
    deadline: Instant,
) -> ApiGatewayProxyResponse {
    let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let request = Request::parse(event);
    let known = request.as_ref().ok();
    let id = known.map_or(invocation.id, Request::id).to_owned();
    let trace = invocation.trace_of_request(&id, known.and_then(|request| request.header("traceparent")));
    let scope = Scope::of_request(
        id.clone(),
        trace,
        known.and_then(Request::known_method),
        // The path of the method is more precise than the route, which all methods share.
        known.and_then(|request| methods.path(request).or(request.route())),
    );
    let work = async {
        let teller = Teller { id: &id, debug: app.config().debug };
        let response = match request {
            Err(error) => teller.refuse(Dialect::COMMON, &error.into()),
            Ok(request) => {
                let cors_headers = cors_headers(app, &request);
                let mut response = match cors::preflight(&app.config().cors, &request) {
                    Some(response) => match request.check_size() {
                        Ok(()) => response.map(Body::from),
                        Err(error) => teller.refuse(Dialect::COMMON, &error.into()),
                    },
                    None => call(app, methods, request, end, &teller).await,
                };
                response.headers_mut().extend(cors_headers);
                response
            }
        };
        note_status(response.status().as_u16());
        response
    };
    let response = scope.run(work).await;
    to_gateway(response, &id)
}

fn cors_headers(app: &App, request: &Request) -> HeaderMap {
    let mut headers = cors::headers(&app.config().cors, request);
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, cors::allowed(ALLOWED, &app.config().cors));
    }
    headers
}

/// Renders the errors of one request.
struct Teller<'a> {
    id: &'a str,
    debug: bool,
}

impl Teller<'_> {
    fn refuse(&self, dialect: Dialect, error: &RpcError) -> Response<Body> {
        self.refuse_by(error, |status| dialect.refuse(status))
    }

    fn refuse_by(&self, error: &RpcError, render: impl FnOnce(&Status) -> Response<Body>) -> Response<Body> {
        if error.code.http().is_server_error() {
            // gRPC-Web responds with 200 to everything.
            note_failure();
        }
        let status = Status::of(error, self.id, self.debug);
        let mut response = render(&status);
        if let Some(wait) = status.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}

async fn call(
    app: &App,
    methods: &Methods,
    request: Request,
    end: Instant,
    teller: &Teller<'_>,
) -> Response<Body> {
    let content_type = request.header("content-type").unwrap_or_default();
    let Some(dialect) = Dialect::of(content_type) else {
        let native = content_type.starts_with("application/grpc");
        let (code, why) = if native {
            (Code::Unimplemented, "API Gateway does not support native gRPC; use gRPC-Web or Connect")
        } else {
            (
                Code::InvalidArgument,
                "the content type must be application/json, application/proto or application/grpc-web+proto",
            )
        };
        let error = RpcError { code, error: Error::Malformed(why.into()) };
        return teller.refuse_by(&error, |status| {
            if native { refuse_native(status) } else { Dialect::COMMON.refuse(status) }
        });
    };
    match work(app, methods, dialect, request, end).await {
        Ok(message) => dialect.respond(message),
        Err(error) => teller.refuse(dialect, &error),
    }
}

async fn work(
    app: &App,
    methods: &Methods,
    dialect: Dialect,
    request: Request,
    end: Instant,
) -> Result<Vec<u8>, RpcError> {
    request.check_size()?;
    if dialect.is_binary() && request.header("accept").is_none() {
        return Err(Error::Malformed(
            "send the header Accept: */*; without it API Gateway returns binary responses as base64".into(),
        )
        .into());
    }
    let Some(method) = methods.find(&request) else {
        return Err(RpcError { code: Code::Unimplemented, error: Error::NotFound("method") });
    };
    let message = dialect.message(&request)?;
    let patience = dialect.patience(&request)?.unwrap_or(Duration::MAX).max(LEAST_PATIENCE);
    let theirs = Instant::now().checked_add(patience).filter(|theirs| *theirs < end);
    let done = guarded(theirs.unwrap_or(end), method(app.clone(), request, dialect.format, message)).await;
    done.map_err(|error| match error {
        // This is not our failure, and a retry is useless, because the client has stopped waiting.
        Error::Unavailable { what: "time", .. } if theirs.is_some() => {
            RpcError { code: Code::DeadlineExceeded, error }
        }
        error => error.into(),
    })
}
