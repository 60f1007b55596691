//! The calls of README, as they are typed there.

use std::{
    collections::BTreeSet,
    process::{Command, Output},
    time::Duration,
};

use serde_json::Value;
use xtask::skip::skip;

use crate::support::{eventually, meows, setting};

const README: &str = include_str!("../../README.md");

/// Sets the variables of the stack that `up` started; here they are those of the test's stack.
const VARIABLES: &str = "eval \"$(cargo xtask env)\"\n";

/// Returns the block of README that calls the API, without its first line.
fn calls() -> &'static str {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let calls = blocks.map(|(block, _)| block).find(|block| block.contains("curl"));
    calls.and_then(|block| block.strip_prefix(VARIABLES)).expect("a block that begins with the variables")
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_readme_work_as_they_are_typed() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("the calls of README", "no curl was found", "Install curl").expect("curl");
    }
    let script = format!("{}\necho \"$TOKENS\"", calls());
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).env("API_URL", setting("API_URL"));
    let Output { status, stdout, stderr } = bash.output().expect("bash runs");
    let text = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{status}: {text}{}", String::from_utf8_lossy(&stderr));

    let responses = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let responses: Vec<Value> = responses.collect::<Result<_, _>>().expect("responses in JSON");
    let [user, me, pair] = responses.as_slice() else { panic!("not three responses: {text}") };
    // README says so above each call.
    assert_eq!(keys(user), BTreeSet::from(["uuid", "email", "created_at"]));
    assert_eq!(keys(pair), BTreeSet::from(["user_data", "access", "refresh", "token_type", "expires_in"]));
    assert_eq!((&me["uuid"], &me["email"]), (&user["uuid"], &user["email"]));

    let user = user["uuid"].as_str().expect("a uuid").to_owned();
    eventually("`meow` for README's user", Duration::from_secs(60), async || {
        meows(std::slice::from_ref(&user)).await == 1
    })
    .await;
}
