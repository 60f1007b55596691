//! Clients that are generated from docs/openapi.json, compiled, and run against the stack: the same
//! programs in TypeScript and in Python.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::json;
use xtask::{checkout::Checkout, install::clients::Clients, install::extra::Extra};

use crate::support::{PASSWORD, database, new_address, post, setting, sign_up};

const PYTHON: Extra = Extra {
    folder: "openapi-python-client",
    title: "openapi-python-client and mypy (70 MB)",
    requirements: include_str!("../generated/requirements.txt"),
};

fn checkout() -> Checkout {
    Checkout::find().expect("the checkout")
}

fn document() -> PathBuf {
    checkout().root().join("docs/openapi.json")
}

/// The access token of a user who may read the list of users.
async fn administrator() -> String {
    let address = new_address();
    let grant = "insert into user_role (user_uuid, role) values ($1::text::uuid, 'admin')";
    database().await.execute(grant, &[&sign_up(&address)]).await.expect("a grant");
    post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD })).text("access")
}

/// Runs a command that must succeed.
#[track_caller]
fn run(what: &str, command: &mut Command) {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{what}: {error}"));
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(status.success(), "{what} failed: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_is_generated_compiled_and_understood() {
    let programs = ["client.ts", "tsconfig.json"];
    let clients =
        Clients::ready(&checkout(), "generated", &programs).expect("the packages of tests/generated");
    let mut generator = clients.command("node_modules/openapi-typescript/bin/cli.js");
    run("openapi-typescript", generator.arg(document()).args(["--output", "api.d.ts"]));
    run("tsc", clients.command("node_modules/typescript/bin/tsc").args(["--project", "."]));
    let mut client = clients.command("built/client.js");
    run(
        "the client",
        client.args([setting("API_URL"), new_address(), PASSWORD.to_owned(), administrator().await]),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_is_generated_compiled_and_understood() {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let packages = PYTHON.ready_beside(&python).expect("the packages of tests/generated/requirements.txt");
    let folder = checkout().state_dir("generated-python").expect("a folder");
    let (client, generated) = (folder.join("client.py"), folder.join("api_client"));
    fs::copy(checkout().root().join("tests/generated/client.py"), &client).expect("a copy");
    // Formatting generated code takes time and serves no reader.
    fs::write(folder.join("generator.yaml"), "post_hooks: []\n").expect("a file");
    let python = || {
        let mut command = Command::new(&python);
        command.env_clear().env("PYTHONPATH", &packages).current_dir(&folder);
        command
    };
    let mut generator = python();
    generator.args(["-m", "openapi_python_client", "generate", "--meta", "none", "--overwrite"]);
    generator.args(["--fail-on-warning", "--config", "generator.yaml", "--path"]).arg(document());
    run("openapi-python-client", generator.arg("--output-path").arg(&generated));
    run("compileall", python().args(["-m", "compileall", "-q", "-f"]).arg(&generated));
    run("mypy", python().args(["-m", "mypy", "--strict"]).arg(&client));
    let arguments = [setting("API_URL"), new_address(), PASSWORD.to_owned(), administrator().await];
    run("the client", python().arg(&client).args(arguments));
}
