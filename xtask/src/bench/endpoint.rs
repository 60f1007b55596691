//! A fake of the few calls of Secrets Manager and SQS that the functions make. It responds immediately, so
//! that the benchmark measures the function with its SDK, and not an emulator.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::runtime_api::http;

type Secrets = BTreeMap<String, String>;

/// Serves on a free port of the loopback address, as long as this process lives. Returns the port.
pub(super) fn start(secrets: Secrets) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .context("127.0.0.1 has no free port; close a program that uses many")?;
    let port = listener.local_addr()?.port();
    let secrets = Arc::new(secrets);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let secrets = Arc::clone(&secrets);
            std::thread::spawn(move || serve(stream, &secrets));
        }
    });
    Ok(port)
}

fn serve(stream: TcpStream, secrets: &Secrets) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut responses = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some(request) = http::read(&mut requests)? {
        let headers = [("Content-Type", "application/x-amz-json-1.1".to_owned())];
        let question = serde_json::from_slice(&request.body).unwrap_or_default();
        let (status, body) = match respond(secrets, &question) {
            Some(body) => ("200 OK", body),
            None => ("400 Bad Request", json!({ "__type": "InvalidRequestException" })),
        };
        http::write(&mut responses, status, &headers, body.to_string().as_bytes())?;
    }
    Ok(())
}

/// Returns the response. The fields of the request show which call it is.
fn respond(secrets: &Secrets, question: &Value) -> Option<Value> {
    if let Some(id) = question["SecretId"].as_str() {
        let text = secrets.get(id)?;
        return Some(json!({ "ARN": id, "Name": id, "SecretString": text, "VersionId": "1" }));
    }
    if let Some(entries) = question["Entries"].as_array() {
        let accepted = entries.iter().map(
            |entry| json!({ "Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": "unchecked" }),
        );
        return Some(json!({ "Successful": accepted.collect::<Vec<_>>(), "Failed": [] }));
    }
    question["QueueUrl"].as_str()?;
    Some(json!({ "Attributes": { "QueueArn": "arn:aws:sqs:us-east-1:000000000000:bench" } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_responds_to_what_functions_ask_and_refuses_what_it_does_not_know() {
        let secrets = Secrets::from([("a".to_owned(), "text".to_owned())]);
        let known = respond(&secrets, &json!({ "SecretId": "a" }));
        assert_eq!(known.unwrap_or_default()["SecretString"], "text");
        let sent = respond(&secrets, &json!({ "QueueUrl": "q", "Entries": [{ "Id": "1" }] }));
        assert_eq!(sent.unwrap_or_default()["Successful"][0]["Id"], "1");
        assert!(respond(&secrets, &json!({ "QueueUrl": "q", "AttributeNames": [] })).is_some());
        assert!(respond(&secrets, &json!({ "SecretId": "b" })).is_none());
        assert!(respond(&secrets, &json!({})).is_none());
    }
}
