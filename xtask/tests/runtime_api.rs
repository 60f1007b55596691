//! The Runtime API against a small function in Python, which misbehaves on request.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use xtask::runtime_api::{Function, Outcome};

const FUNCTION: &str = r#"
import http.client, json, os, sys, time
mode = os.environ.get("MODE", "")
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime" + path, body)
    response = api.getresponse()
    return response, response.read().decode()

if mode == "no-start":
    call("POST", "/init/error", json.dumps({"errorType": "Config", "errorMessage": "SECRET_KEY"}))
    sys.exit(1)
while True:
    response, event = call("GET", "/invocation/next")
    about = {key.lower(): value for key, value in response.getheaders()}
    invocation = "/invocation/" + about["lambda-runtime-aws-request-id"]
    print("got", event, flush=True)
    if event == '"exit"':
        print("last words", file=sys.stderr, flush=True)
        os._exit(7)
    if event == '"hang"':
        time.sleep(60)
    if event == '"fail"':
        call("POST", invocation + "/error", json.dumps({"errorType": "Sad", "errorMessage": "no"}))
        continue
    late, _ = call("POST", "/invocation/another/response", "{}")
    response = {"about": about, "env": dict(os.environ), "late": late.status}
    call("POST", invocation + "/response", json.dumps(response))
"#;

/// The function as a file, written once: a file that another test's process still holds open for
/// writing could not be executed. It names the interpreter in full, because a function gets
/// another PATH.
fn script() -> Result<&'static Path> {
    static SCRIPT: OnceLock<Result<PathBuf>> = OnceLock::new();
    let written = SCRIPT.get_or_init(|| {
        let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output()?;
        let interpreter = String::from_utf8(asked.stdout)?;
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("function-{}", std::process::id()));
        std::fs::write(&path, format!("#!{}\n{FUNCTION}", interpreter.trim()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
        Ok(path)
    });
    written.as_deref().map_err(|error| anyhow!("the function cannot be written: {error}"))
}

fn spawn(env: &[(&str, &str)]) -> Result<Function> {
    let env: Vec<_> = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Function::spawn(script()?, &env)
}

const PATIENT: Duration = Duration::from_secs(20);

#[test]
fn a_function_gets_an_event_with_all_that_lambda_tells() -> Result<()> {
    let mut function = spawn(&[("LAUNCH_MODE", "TEST")])?;
    assert_eq!(function.ready(PATIENT)?, None);
    for _ in 0..3 {
        let Outcome::Response(response) = function.invoke("{}", PATIENT)? else {
            anyhow::bail!("no response");
        };
        let response: serde_json::Value = serde_json::from_str(&response)?;
        let about = response["about"].as_object().context("headers")?;
        for header in ["aws-request-id", "deadline-ms", "invoked-function-arn", "trace-id"] {
            assert!(about.contains_key(&format!("lambda-runtime-{header}")), "{header}: {about:?}");
        }
        let env = response["env"].as_object().context("environment")?;
        assert_eq!(env["LAUNCH_MODE"], "TEST");
        assert!(!env.contains_key("CARGO"), "the caller's environment leaks: {env:?}");
        assert_eq!(response["late"], 400, "a report about another request was taken");
    }
    assert_eq!(function.finish(), ["got {}"; 3]);
    Ok(())
}

#[test]
fn a_reported_error_leaves_the_function_alive() -> Result<()> {
    let mut function = spawn(&[])?;
    let sad = Outcome::Error { error_type: "Sad".to_owned(), message: "no".to_owned() };
    assert_eq!(function.invoke("\"fail\"", PATIENT)?, sad);
    assert!(matches!(function.invoke("{}", PATIENT)?, Outcome::Response(_)));
    Ok(())
}

#[test]
fn a_failed_start_is_told_apart_from_a_failed_invocation() -> Result<()> {
    let mut function = spawn(&[("MODE", "no-start")])?;
    let outcome = function.invoke("{}", PATIENT)?;
    let wanted = Outcome::InitError { error_type: "Config".to_owned(), message: "SECRET_KEY".to_owned() };
    assert_eq!(outcome, wanted);
    Ok(())
}

#[test]
fn a_process_that_ends_says_how_and_leaves_its_last_words() -> Result<()> {
    let mut function = spawn(&[])?;
    let outcome = function.invoke("\"exit\"", PATIENT)?;
    assert!(matches!(outcome, Outcome::Exited(status) if status.code() == Some(7)), "{outcome:?}");
    assert!(function.finish().contains(&"last words".to_owned()));
    Ok(())
}

#[test]
fn an_invocation_that_takes_too_long_costs_the_process_its_life() -> Result<()> {
    let mut function = spawn(&[])?;
    assert_eq!(function.ready(PATIENT)?, None);
    let started = Instant::now();
    assert_eq!(function.invoke("\"hang\"", Duration::from_millis(300))?, Outcome::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(matches!(function.invoke("{}", PATIENT)?, Outcome::Exited(_)));
    Ok(())
}

#[test]
fn a_killed_process_ends_the_invocation_it_worked_on() -> Result<()> {
    let mut function = spawn(&[])?;
    assert_eq!(function.ready(PATIENT)?, None);
    function.kill()?;
    assert!(matches!(function.invoke("{}", PATIENT)?, Outcome::Exited(_)));
    Ok(())
}
