//! RPC through the gateway, called by clients that nobody here wrote: connect-node, connect-web, grpc-web.

use std::{io::Write, process::Stdio};

use serde_json::{Value, json};
use xtask::{checkout::Checkout, install::clients::Clients, skip::skip};

use crate::support::{PASSWORD, database, new_address, post, setting, sign_up};

/// A user's access token; with the role of an administrator if they shall have it.
async fn token(admin: bool) -> String {
    let address = new_address();
    let user = sign_up(&address);
    if admin {
        let grant = "insert into user_role (user_uuid, role) values ($1::text::uuid, 'admin')";
        database().await.execute(grant, &[&user]).await.expect("a grant");
    }
    post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD })).text("access")
}

/// What the clients got; none where they cannot be installed, and then it is said.
async fn calls() -> Option<Value> {
    let checkout = Checkout::find().expect("the checkout");
    let clients = match Clients::ready(&checkout, "clients", &["calls.mjs"]) {
        Ok(clients) => clients,
        Err(error) => {
            let remedy = "They come from the Python index (Node.js) and from npm, which must be reachable";
            skip("the calls of RPC clients", &format!("{error:#}"), remedy).expect("the clients");
            return None;
        }
    };
    let descriptors = std::env::temp_dir().join(format!("descriptors-{}", uuid::Uuid::new_v4().simple()));
    std::fs::write(&descriptors, grpc::DESCRIPTORS).expect("a file");
    let request = json!({
        "url": setting("GRPC_URL"),
        "descriptors": descriptors,
        "user": token(false).await,
        "sender": token(true).await,
    });
    let mut child = clients
        .command("calls.mjs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node.js starts");
    child.stdin.take().expect("stdin").write_all(request.to_string().as_bytes()).expect("a request");
    let output = child.wait_with_output().expect("an end");
    std::fs::remove_file(&descriptors).expect("the file goes");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the clients failed: {said}");
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON; {said}")))
}

/// Checks the code and the message, and the details if a client shows them.
#[track_caller]
fn refused(client: &str, got: &Value, code: u64, part: &str, detail: &str) {
    let message = got["message"].as_str().unwrap_or_default();
    assert_eq!(got["code"], json!(code), "{client}: {got}");
    assert!(message.contains(part), "{client}: {got}");
    if let Some(details) = got["details"].as_array() {
        assert!(details.contains(&json!(detail)), "{client}: {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_others_call_every_method_and_understand_every_refusal() {
    let Some(calls) = calls().await else { return };
    let results = calls["results"].as_object().expect("results by client");
    assert_eq!(results.len(), 9, "{calls}");
    const INFO: &str = "google.rpc.ErrorInfo";
    for (client, got) in results {
        assert_eq!(got["example"], "OK", "{client}: {got}");
        let sent = &got["sent"];
        let id = sent["message"].as_str().and_then(|id| uuid::Uuid::parse_str(id).ok());
        assert!(sent["status"] == true && id.is_some(), "{client}: {got}");
        assert_eq!(got["prototypeHealth"], "SERVING", "{client}: {got}");
        assert_eq!(got["health"], 1, "{client}: {got}");
        refused(client, &got["nobody"], 16, "Sign in", INFO);
        refused(client, &got["notAllowed"], 7, "permission", INFO);
        refused(client, &got["noData"], 3, "data (required)", "google.rpc.BadRequest");
        refused(client, &got["unknownService"], 5, "no such service", INFO);
        refused(client, &got["unknownMethod"], 12, "no such method", INFO);
    }
    let silent = calls["withoutAccept"].as_object().expect("results by client");
    assert_eq!(silent.len(), 2, "{calls}");
    for (client, got) in silent {
        refused(client, got, 3, "Accept: */*", INFO);
    }
}
