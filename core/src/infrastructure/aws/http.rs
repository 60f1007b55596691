//! The HTTP client under all AWS clients: hyper, HTTP/1.1, rustls on ring, one pool of connections.
//!
//! The SDK's own client speaks HTTP/2 as well, and so carries it into every function: a tenth of a
//! zip for what the services called here have no use for. See docs/decisions/0022.

use std::{error::Error as StdError, io, sync::OnceLock, time::Duration};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client},
    rt::TokioExecutor,
};

use crate::{
    domain::{Error, Result},
    infrastructure::tls,
    telemetry,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) type Https = HttpsConnector<legacy::connect::HttpConnector>;

/// One for all services of this process.
///
/// # Errors
/// `Internal` when the embedded roots cannot be used.
pub(super) fn client() -> Result<SharedHttpClient> {
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let connector = SharedHttpConnector::new(Connector(connector()?));
    let client = http_client_fn(move |_, _| connector.clone());
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// Returns the client for a call that no SDK makes. Its pool belongs to the caller.
///
/// # Errors
/// `Internal` when the embedded roots cannot be used.
pub(crate) fn connector() -> Result<Client<Https, SdkBody>> {
    let tls = tls::client_config(tls::AMAZON_ROOTS).map_err(Error::internal)?;
    let mut tcp = legacy::connect::HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    // Requests are small and written in two pieces: neither is to wait for the other's acknowledgement.
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    // Plain HTTP is for the emulator; on AWS the SDK's own addresses are https.
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
    Ok(Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp)))
}

#[derive(Debug)]
struct Connector(Client<Https, SdkBody>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        if let Some(trace) = telemetry::lambda_trace().and_then(|header| header.parse().ok()) {
            // No signature covers it. Where one request is handled at a time, the SDK itself sends it.
            request.headers_mut().insert("x-amzn-trace-id", trace);
        }
        let response = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let response = response.await.map_err(lost)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Returns the error of a request without a response, which the SDK may retry.
fn lost(error: legacy::Error) -> ConnectorError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return ConnectorError::timeout("the connection took too long".into());
        }
        cause = error.source();
    }
    ConnectorError::io(error.into())
}
