//! HTTP on the loopback interface to events of API Gateway and back, over the handlers themselves.
//!
//! Which route belongs to which function, and what an event looks like, is taken from `events/`.

use std::{
    io::{self, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use app_core::{
    App,
    interfaces::http::texts::{self, ErrorText},
    testing::{Event, event},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use catalogue::{Endpoint, endpoints};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use xtask::runtime_api::http::{self, Request};

/// Returns the body that API Gateway sends where there is no route, as in template.yaml.
fn no_route() -> String {
    let ErrorText { code, message, .. } = texts::NO_ROUTE;
    let body = json!({"error_id": "none", "code": code, "message": message, "details": [], "request_id": "none", "traceback": null});
    body.to_string()
}

/// Its door; `serve` answers what comes through it.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// A request, and where its response is waited for.
type Call = (Request, oneshot::Sender<Response>);

struct Response {
    status: u64,
    headers: Vec<(String, String)>,
    body: String,
}

struct Route {
    method: String,
    /// `["api", "v1", "users", "{uuid}"]`
    segments: Vec<String>,
    sample: Event,
    endpoint: Endpoint,
}

impl Gateway {
    pub(crate) fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                // A connection that breaks is its client's business.
                thread::spawn(move || converse(stream, &sender));
            }
        });
        Ok(Self { address, calls })
    }

    /// One request after the other, as an instance of a function does it. Does not end.
    pub(crate) async fn serve(&mut self, app: &App) {
        let routes = routes();
        while let Some((request, response)) = self.calls.recv().await {
            // Who asked may be gone.
            let _ = response.send(respond(app, &routes, &request).await);
        }
    }
}

/// Serves one connection, on a separate thread.
fn converse(stream: TcpStream, calls: &mpsc::UnboundedSender<Call>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut responses = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some(request) = http::read(&mut requests)? {
        let (sender, response) = oneshot::channel();
        calls.send((request, sender)).map_err(io::Error::other)?;
        let response = response.blocking_recv().map_err(io::Error::other)?;
        let headers: Vec<_> =
            response.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        http::write(&mut responses, &format!("{} -", response.status), &headers, response.body.as_bytes())?;
    }
    Ok(())
}

fn routes() -> Vec<Route> {
    let route = |endpoint: Endpoint| {
        let sample = event(endpoint.name);
        let text = |key: &str| sample.0[key].as_str().expect("a sample event of the gateway").to_owned();
        let segments = segments(&text("resource")).map(str::to_owned).collect();
        Route { method: text("httpMethod"), segments, endpoint, sample }
    };
    endpoints().into_iter().map(route).collect()
}

/// Those of a path, without regard to a slash at its end.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches('/').split('/').skip(1)
}

async fn respond(app: &App, routes: &[Route], request: &Request) -> Response {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let found = routes
        .iter()
        .filter(|route| route.method == request.method)
        .filter_map(|route| Some((route, parameters(&route.segments, path)?)));
    // `users/me` before `users/{uuid}`.
    let Some((route, parameters)) = found.min_by_key(|(_, parameters)| parameters.len()) else {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        return Response { status: 404, headers, body: no_route() };
    };
    let event = proxy_event(route, path, &parameters, query, request);
    let response = route.endpoint.call(app, &event.to_string()).await;
    let headers = response["multiValueHeaders"].as_object().into_iter().flatten();
    let headers = headers.flat_map(|(name, values)| {
        let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
        values.map(|value| (name.clone(), value.to_owned()))
    });
    Response {
        status: response["statusCode"].as_u64().expect("a status"),
        headers: headers.collect(),
        body: response["body"].as_str().unwrap_or_default().to_owned(),
    }
}

/// Returns the values of the path parameters `{…}`, if the path belongs to the route.
fn parameters(route: &[String], path: &str) -> Option<Map<String, Value>> {
    let given: Vec<&str> = segments(path).collect();
    if given.len() != route.len() {
        return None;
    }
    let mut found = Map::new();
    for (wanted, given) in route.iter().zip(given) {
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(_) if given.is_empty() => return None,
            Some(name) => drop(found.insert(name.to_owned(), json!(decoded(given)))),
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(found)
}

fn proxy_event(
    route: &Route,
    path: &str,
    parameters: &Map<String, Value>,
    query: &str,
    request: &Request,
) -> Event {
    let mut event = route.sample.clone();
    event.0["path"] = json!(path);
    event.0["pathParameters"] = if parameters.is_empty() { Value::Null } else { json!(parameters) };
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " ")))
    });
    let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    for (one, many, pairs) in [
        ("queryStringParameters", "multiValueQueryStringParameters", query.collect::<Vec<_>>()),
        ("headers", "multiValueHeaders", headers.collect()),
    ] {
        let (mut last, mut all) = (Map::new(), Map::new());
        for (key, value) in pairs {
            last.insert(key.clone(), json!(value));
            let values = all.entry(key).or_insert_with(|| json!([])).as_array_mut().expect("a list");
            values.push(json!(value));
        }
        event.0[one] = if last.is_empty() { Value::Null } else { json!(last) };
        event.0[many] = if all.is_empty() { Value::Null } else { json!(all) };
    }
    let text = std::str::from_utf8(&request.body).ok();
    event.0["isBase64Encoded"] = json!(text.is_none());
    event.0["body"] = match text {
        Some("") => Value::Null,
        Some(text) => json!(text),
        None => json!(BASE64_STANDARD.encode(&request.body)),
    };
    event
}

/// Decodes percent signs: `%2C` is `,`. Bytes that are not UTF-8 are replaced.
fn decoded(text: &str) -> String {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1).copied().and_then(hex), bytes.get(at + 2).copied().and_then(hex))
        {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
