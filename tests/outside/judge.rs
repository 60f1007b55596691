//! schemathesis: thousands of requests made up by docs/openapi.json, good ones and bad ones, alone
//! and following the document's links. It judges every response: no 5xx, no undeclared status, every
//! body and header as documented, bad input refused, nothing without authentication.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use app_core::{
    domain::auth::Permission,
    testing::{TestApp, event, setting, wish},
};
use catalogue::endpoints;
use serde_json::{Value, json};
use xtask::{checkout::Checkout, install::extra::Extra};

use crate::gateway::Gateway;

const SCHEMATHESIS: Extra = Extra {
    folder: "schemathesis",
    title: "schemathesis (30 MB)",
    requirements: include_str!("requirements.txt"),
};

/// How many requests are made up; `cargo xtask fuzz api` wants more.
const CASES: u32 = 200;

/// Who asks. No made-up account has this password, so that no request changes it.
const EMAIL: &str = "judge@example.com";
const PASSWORD: &str = "the judge's own long password";

#[tokio::test]
async fn every_response_is_one_that_the_document_promises() {
    let app = TestApp::new().await;
    sign_up(&app).await;
    let mut gateway = Gateway::open().expect("a free port");
    let judge = judge(gateway.address);
    let verdict = tokio::task::spawn_blocking(move || heard(judge));
    let (fair, said) = tokio::select! {
        verdict = verdict => verdict.expect("it ends"),
        () = gateway.serve(&app.app) => unreachable!("the gateway serves until the judge ends"),
    };
    assert!(fair, "{said}");
}

/// A user who may do everything.
async fn sign_up(app: &TestApp) {
    let endpoints = endpoints();
    let endpoint = endpoints.iter().find(|endpoint| endpoint.name == "auth-sign-up").expect("the endpoint");
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let response = endpoint.call(&app.app, &event("auth-sign-up").body(&body).to_string()).await;
    assert_eq!(response["statusCode"], 200, "{response}");
    let client = app.database.client().await;
    let all = Permission::ALL.map(Permission::as_str);
    client
        .execute("insert into role values ('judge', 'may do everything', $1)", &[&all.as_slice()])
        .await
        .expect("a role");
    let grant = "insert into user_role (user_uuid, role) select uuid, 'judge' from users";
    client.execute(grant, &[]).await.expect("a grant");
}

fn judge(address: SocketAddr) -> Command {
    let checkout = Checkout::find().expect("the checkout");
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let packages = SCHEMATHESIS.ready_beside(&python).expect("schemathesis");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside");
    let url = format!("http://{address}");
    let cases = wish("API_CASES").map_or(CASES, |text| text.parse().expect("API_CASES is a number"));
    let mut judge = Command::new(python);
    judge.args(["-m", "schemathesis.cli", "--config-file"]).arg(here.join("schemathesis.toml"));
    judge.arg("run").arg(checkout.root().join("docs/openapi.json")).args(["--url", &url]);
    judge.args(["--max-examples", &cases.div_ceil(with_input()).to_string()]);
    judge.args(["--seed", wish("API_SEED").as_deref().unwrap_or("1")]);
    judge.current_dir(checkout.state_dir("schemathesis-run").expect("a folder"));
    judge.env("PYTHONPATH", packages).env("SCHEMATHESIS_HOOKS", here.join("hooks.py"));
    judge.env("JUDGE_URL", url).env("JUDGE_EMAIL", EMAIL).env("JUDGE_PASSWORD", PASSWORD);
    judge.stdin(Stdio::null());
    judge
}

/// How many endpoints there is something to make up for.
fn with_input() -> u32 {
    let document: Value = serde_json::from_str(&catalogue::openapi::document()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|methods| methods.as_object().expect("methods").values());
    let takes =
        |operation: &&Value| operation.get("parameters").is_some() || operation.get("requestBody").is_some();
    operations.filter(takes).count() as u32
}

/// Runs the judge. Returns whether it found nothing, and its output, unless the terminal shows that already.
fn heard(mut judge: Command) -> (bool, String) {
    // A developer who sets the number of cases sees the output while it runs.
    if wish("API_CASES").is_some() {
        let status = judge.status().expect("schemathesis runs");
        return (status.success(), "what schemathesis found stands above".to_owned());
    }
    let output = judge.output().expect("schemathesis runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}
