//! What the scripts ask of AWS, and what they make of its responses. A program in place of AWS answers, because no
//! emulator fails in the middle of something, or lets a function sleep.

use serde_json::{Value, json};

use super::testing::run;

fn migrate(setting: &str) -> Value {
    run(&format!(
        "{setting}
request = {{'stack': 'app', 'program': sys.argv[1] + '/deliver.py', 'architecture': 'arm64'}}
result = [outcome(lambda: deliver.migrate(client, request)), calls]"
    ))
}

#[test]
fn migrations_run_with_the_new_code_and_an_error_of_the_function_is_a_failure() {
    let calls = json!([["code", "arm64"], "wait", r#"{"command":"up"}"#]);
    assert_eq!(migrate(""), json!([["0001_first"], calls]));
    assert_eq!(migrate("aws.error = 'no'"), json!(["the migrations failed: no", calls]));
}

#[test]
fn a_domain_without_its_record_is_named_with_the_record_that_it_needs() {
    let smoke = |target: &str| {
        run(&format!(
            "import os, smoke
os.environ.pop('AWS_ENDPOINT_URL', None)
smoke.PATIENCE_S = -1
try:
    smoke.smoke(client, {{'stack': 'app', 'sign_up': False, 'url': 'https://api.invalid/', 'target': {target}}})
except tooling.Failure as failure:
    result = [str(failure), failure.hint]"
        ))
    };
    let told = smoke("'d-1.execute-api.example'");
    let hint = told[1].as_str().expect("a hint");
    assert!(told[0].as_str().is_some_and(|text| text.starts_with("https://api.invalid cannot be reached")));
    assert!(hint.contains("api.invalid does not lead to d-1.execute-api.example"), "{hint}");
    assert_eq!(smoke("None")[1], "check the output ApiUrl");
}

#[test]
fn a_stack_that_is_busy_or_broken_is_refused_with_the_way_out() {
    let faults = |status: &str| {
        run(&format!(
            "aws.status = '{status}'
deliver.read_template = lambda _: {{'Resources': {{}}}}
deliver.preflight.logins = lambda *_: None
found = deliver.check(client, {{'stack': 'app', 'template': '', 'parameters': {{}}}})['faults']
result = [[fault['problem'], fault['remedy']] for fault in found]"
        ))
    };
    for (status, problem, remedy) in [
        ("UPDATE_IN_PROGRESS", "is UPDATE_IN_PROGRESS", "wait until the other deployment has ended"),
        ("ROLLBACK_COMPLETE", "its first deployment failed", "delete-stack --stack-name app"),
        ("UPDATE_ROLLBACK_FAILED", "is UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name app"),
    ] {
        let found = faults(status);
        let said =
            |place: usize, text: &str| found[0][place].as_str().is_some_and(|said| said.contains(text));
        assert!(said(0, problem) && said(1, remedy), "{status}: {found}");
    }
    assert_eq!(faults("UPDATE_COMPLETE"), json!([]));
}

/// Before the first deployment there are no roles, and a release may change them.
#[test]
fn a_function_that_knows_the_administrator_makes_the_roles_before_it_migrates() {
    let (roles, up) = (r#"{"command":"database_roles"}"#, r#"{"command":"up"}"#);
    let knows = "aws.variables = {'ADMINISTRATOR_SECRET_ARN': 'arn'}";
    let calls = json!([["code", "arm64"], "wait", roles, up]);
    assert_eq!(migrate(knows), json!([["0001_first"], calls]));
    let failed = json!(["the roles of the database were not made: no", [["code", "arm64"], "wait", roles]]);
    assert_eq!(migrate(&format!("{knows}; aws.error = 'no'")), failed);
    let said = run(&format!(
        "{knows}
aws.made = {{'roles': [{{'name': 'app', 'password': 'new'}}, {{'name': 'migrator', 'password': 'kept'}}], 'notices': ['NOTICE: a word']}}
deliver.migrate(client, {{'stack': 'app'}})
result = printed[1:-1]"
    ));
    let notices = "notices of the server: 1; `cargo xtask database-roles --stack-name app` shows them";
    assert_eq!(said, json!(["app has a new password", notices]));
    let learns = run("deliver.migrate(client, {'stack': 'app', 'administrator': 'arn'})\nresult = printed");
    assert!(
        learns[0].as_str().is_some_and(|line| line.starts_with("the roles of the database were not made"))
    );
}

#[test]
fn a_function_that_sleeps_is_called_until_it_is_awake_and_no_longer_than_some_minutes() {
    let up = r#"{"command":"up"}"#;
    let calls = json!([["code", "arm64"], "wait", up, up, up]);
    assert_eq!(migrate("aws.sleeps = 2"), json!([["0001_first"], calls]));
    let limited = migrate("aws.sleeps = 1000; invoking.WAKING_S = -1");
    assert_eq!(limited[0], "ResourceNotReadyException");
}

/// A second call would run at the same time as the first, which does not stop.
#[test]
fn an_operators_call_is_made_once_and_may_take_as_long_as_a_function_may() {
    let invoke = |setting: &str| {
        run(&format!(
            "{setting}
configs = []
queues.boto3.client = lambda service, config: (configs.append(config), aws)[1]
call = lambda: queues.invoke({{'function': 'app-migrate', 'event': {{'command': 'up'}}, 'hint': 'mend it'}})
try:
    result = call()
except tooling.Failure as failure:
    result = [str(failure), failure.hint]
result = [result, len(calls), configs[0].read_timeout, configs[0].retries['total_max_attempts']]"
        ))
    };
    let told = invoke("aws.sleeps = 2");
    assert_eq!((&told[1], &told[3]), (&json!(3), &json!(1)), "{told}");
    assert!(told[2].as_u64().is_some_and(|seconds| seconds > 900), "{told}");
    assert_eq!(invoke("aws.error = 'no'")[0], json!(["app-migrate: no", "mend it"]));
    let lost = invoke(
        "from botocore.exceptions import ReadTimeoutError
def lose(**_):
    calls.append('lost')
    raise ReadTimeoutError(endpoint_url='here')
aws.invoke = lose",
    );
    assert!(lost[0][1].as_str().is_some_and(|hint| hint.starts_with("it may still run")), "{lost}");
    assert_eq!(lost[1], 1);
}

/// A role of the database takes either passwords or tokens.
#[test]
fn a_change_of_the_login_needs_a_deployment_that_changes_the_roles_at_once() {
    let faults = |live: &str, request: &str| {
        run(&format!(
            "aws.variables = {{'DB_HOST': 'h'{live}}}
found = preflight.Findings()
preflight.logins(client, found, {{'stack': 'app'}} | {request})
result = [one['remedy'] for one in found.faults]"
        ))
    };
    let (none, iam) = ("{'parameters': {}}", "{'parameters': {'DatabaseAuth': 'iam'}}");
    assert_eq!(faults("", none), json!([]));
    assert_eq!(faults(", 'DB_AUTH': 'iam'", iam), json!([]));
    for (live, request) in [("", iam), (", 'DB_AUTH': 'password'", iam), (", 'DB_AUTH': 'iam'", none)] {
        assert_eq!(faults(live, request), json!(["add --migrate-last"]), "{live} {request}");
        let last = format!("{request} | {{'migrate_last': True}}");
        assert_eq!(faults(live, &last), json!([]), "{live} {request}");
    }
    let gradual =
        "{'migrate_last': True, 'parameters': {'DatabaseAuth': 'iam', 'GradualDeployments': 'true'}}";
    assert_eq!(faults("", gradual), json!(["set GradualDeployments to false for this deployment"]));
}

#[test]
fn a_release_that_logs_in_otherwise_cannot_be_live_again() {
    let rollback = |now: &str, then: &str| {
        run(&format!(
            "aws.aliases = {{'a': '2', 'b': '2'}}
aws.variables = {{'DB_HOST': 'h', 'DB_AUTH': '{now}'}}
aws.of_versions = {{'1': {{'Environment': {{'Variables': {{'DB_HOST': 'h'{then}}}}}}}}}
result = [told(None), calls]"
        ))
    };
    let refused = "release 1 logs in to the database by password, and the roles of the database take iam";
    for then in ["", ", 'DB_AUTH': 'password'"] {
        assert_eq!(rollback("iam", then), json!([refused, []]), "{then}");
        assert_eq!(rollback("password", then)[0]["moved"], 2, "{then}");
    }
    assert_eq!(rollback("iam", ", 'DB_AUTH': 'iam'")[0]["moved"], 2);
}

fn execute(setting: &str) -> Value {
    run(&format!(
        "{setting}
request = {{'stack': 'app', 'change_set': 'c', 'is_first': False, 'is_gradual': False}} | globals().get('more', {{}})
result = [outcome(lambda: deliver.execute(client, request)), calls, aws.aliases]"
    ))
}

/// The release that was live before is the one that a person chose.
#[test]
fn after_an_update_that_fails_each_alias_has_again_the_version_from_before() {
    let failed = "aws.status = 'UPDATE_ROLLBACK_COMPLETE'
def event(name, status, reason=''): return {'LogicalResourceId': name, 'ResourceStatus': status, 'ResourceStatusReason': reason}
aws.events = [event('b', 'UPDATE_FAILED', 'Resource update cancelled'), event('a', 'CREATE_FAILED', 'no right'),
              event('app', 'UPDATE_IN_PROGRESS'), event('z', 'CREATE_FAILED', 'of last month')]";
    let said = "the stack app is UPDATE_ROLLBACK_COMPLETE: a: no right";
    let live = json!({ "a": "1", "b": "1" });
    assert_eq!(execute(failed), json!([said, [["execute", true], ["a", "1"]], live]));
    // CodeDeploy needs the versions of the stack before the update.
    let gradual = execute(&format!("{failed}\nmore = {{'is_gradual': True}}"));
    assert_eq!((&gradual[0], &gradual[2]), (&json!(said), &live));
    assert_eq!(gradual[1].as_array().expect("calls").len(), 5, "{gradual}");
    // Nothing was live before the first deployment.
    let first = execute(&format!("{failed}\nmore = {{'is_first': True}}"));
    assert_eq!(first[1], json!([["execute", true]]));
    // What succeeds is not taken back.
    assert_eq!(execute("")[1], json!([["execute", true]]));
}

#[test]
fn a_release_whose_versions_or_roles_were_deleted_cannot_be_live_again() {
    let rollback = |setting: &str| {
        run(&format!("aws.aliases = {{'a': '2', 'b': '2'}}\n{setting}\nresult = [told(None), calls]"))
    };
    let moved = json!({ "number": 1, "moved": 2, "gone": [], "newer": [] });
    assert_eq!(rollback("")[0], moved);
    let without = |what: &str| format!("release 1 cannot be live again, because these were deleted: {what}");
    let role = without("the role role-1 of a, the role role-1 of b");
    assert_eq!(rollback("aws.roles = {'role-2'}"), json!([role, []]));
    let version = rollback("aws.versions = aws.versions - {('b', '1')}");
    assert_eq!(version, json!([without("version 1 of b"), []]));
}

#[test]
fn a_function_that_was_deleted_is_named_and_the_others_are_moved() {
    let told = run("aws.aliases = {'a': '2'}\nresult = [told(1), calls]");
    let moved = json!({ "number": 1, "moved": 1, "gone": ["b"], "newer": [] });
    assert_eq!(told, json!([moved, [["a", "1"]]]));
}

#[test]
fn an_alias_that_shares_its_calls_is_at_no_release_and_a_rollback_ends_the_sharing() {
    let shared = "aws.aliases = {'a': '1+2', 'b': '1'}";
    let told = run(&format!("{shared}\nresult = told(None)"));
    assert_eq!(told, "the live versions are of no single release");
    let moved = run(&format!("{shared}\nresult = [told(1)['moved'], calls]"));
    assert_eq!(moved, json!([1, [["a", "1"]]]));
}

#[test]
fn during_a_deployment_there_is_no_way_back() {
    let told = run("aws.status = 'UPDATE_IN_PROGRESS'\nresult = [told(1), calls]");
    assert_eq!(told, json!(["the stack app is UPDATE_IN_PROGRESS, so its aliases may move", []]));
}

#[test]
fn a_rollback_that_stops_in_the_middle_names_what_it_did_not_move() {
    let told = run("aws.aliases = {'a': '2', 'b': '2'}\naws.stuck = {'b'}\nresult = told(1)");
    let told = told.as_str().expect("an error");
    assert!(told.starts_with("1 of 2 aliases could not be moved, so two releases are live: b."), "{told}");
}

/// Anybody can make a bucket with a name that can be guessed.
#[test]
fn archives_go_to_no_bucket_of_another_account() {
    let bucket = |setting: &str, name: &str| {
        run(&format!(
            "import buckets\n{setting}\nresult = [outcome(lambda: buckets.ready(client, {name})), calls]"
        ))
    };
    let own = "releases-1-eu-central-1";
    assert_eq!(bucket("", "None"), json!([own, [[own, "1"]]]));
    assert_eq!(bucket("", "'chosen'"), json!(["chosen", [["chosen", null]]]));
    let refused = bucket("aws.error = '403'", "None");
    assert!(refused[0].as_str().expect("an error").contains("belongs to another account"), "{refused}");
}
