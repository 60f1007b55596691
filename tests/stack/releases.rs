//! `cargo xtask release`: a bad release is undone by one command, and the next deployment takes over.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::{
    alarms::{rung, topic},
    deploy::{Place, aws},
    operator::out,
    support::{eventually, setting, sqs},
};

/// Functions that the second release breaks: one of the API and one of a queue.
const BROKEN: [&str; 2] = ["users-me", "tasks-worker"];

/// Returns the status of a call of a stack's API, whose address is what `deploy` has printed.
fn status(printed: &str) -> u16 {
    let url =
        printed.split("The API is at https://").nth(1).and_then(|rest| rest.lines().next()).expect("a URL");
    let (id, _) = url.split_once('.').expect("an id");
    let url = format!("{}/_aws/execute-api/{id}/v1/api/v1/users/me/", setting("AWS_ENDPOINT_URL"));
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(30))).build().into();
    agent.get(url).call().expect("a response").status().as_u16()
}

impl Place {
    async fn send_task(&self) {
        let url = sqs().get_queue_url().queue_name(format!("{}-tasks", self.stack)).send().await;
        let url = url.expect("the queue").queue_url.expect("its address");
        let body = json!({ "task": "say_meow", "args": { "to": Uuid::new_v4() } }).to_string();
        sqs().send_message().queue_url(url).message_body(body).send().await.expect("sent");
    }

    async fn tasks_done(&self) -> i64 {
        let query = "select count(*) from task where name = 'say_meow' and state = 'succeeded'";
        self.database().await.query_one(query, &[]).await.expect("a count").get(0)
    }

    /// The numbers of the releases, the latest first, and the live one.
    fn releases(&self) -> (Vec<u64>, Option<u64>) {
        let listed = out(&self.call(&["release", "list", "test"]));
        let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        let number = |row: &Vec<&str>| row[0].parse().expect("a number");
        (rows.iter().map(number).collect(), rows.iter().find(|row| row[1] == "live").map(number))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_release_is_undone_by_one_command() {
    let mut place = Place::new().with_database().await;
    let settings = [
        ("WorkerTimeoutSeconds", "5"),
        ("TasksVisibilitySeconds", "6"),
        ("MaxReceiveCount", "1000"),
        // Its tasks would count, too.
        ("ExampleSchedule", "false"),
    ];
    place.parameters.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (topic, alarms) = topic(&format!("{}-alarms", place.stack));
    place.parameters.insert("AlarmTopicArn".to_owned(), topic);
    place.build(|_| "# A".to_owned());
    let printed = out(&place.deploy(&[]));
    assert_eq!(status(&printed), 401);
    place.send_task().await;
    eventually("A does a task", Duration::from_secs(60), async || place.tasks_done().await == 1).await;
    assert!(rung(&alarms).is_empty());

    // The smoke test does not call what B breaks.
    place.build(|name| if BROKEN.contains(&name) { "exit 1" } else { "# A" }.to_owned());
    out(&place.deploy(&[]));
    assert!(status(&printed) >= 500);
    assert_eq!(place.releases(), (vec![2, 1], Some(2)));
    place.send_task().await;
    // The emulator reports calls of its API alone, and not those of queues. Nobody but the failing function reports.
    let code = "
called = boto3.client('lambda').invoke(FunctionName=given, Qualifier='live', Payload=json.dumps({'Records': []}))
result = called.get('FunctionError')";
    assert!(!aws(code, &json!(format!("{}-tasks-worker", place.stack))).is_null());
    let heard: Vec<_> = rung(&alarms).into_iter().map(|one| one.says).collect();
    assert_eq!(heard, ["tasks-worker fails. Runbook: docs/operations.md#a-function-fails"]);

    let said = out(&place.call(&["release", "rollback", "test"]));
    assert!(said.contains("release 1 is live; 2 functions changed"), "{said}");
    assert_eq!(status(&printed), 401);
    assert_eq!(place.releases(), (vec![2, 1], Some(1)));
    eventually("A does the task of B", Duration::from_secs(60), async || place.tasks_done().await == 2).await;

    // Forward again.
    out(&place.call(&["release", "rollback", "test", "2"]));
    assert!(status(&printed) >= 500);
    let refused = place.call(&["release", "rollback", "test", "7"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no release 7"));

    // C mends one function. CloudFormation does not touch the other one, whose alias was moved.
    out(&place.call(&["release", "rollback", "test", "1"]));
    place.build(|name| if name == "tasks-worker" { "exit 1" } else { "# A" }.to_owned());
    let output = place.deploy(&[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        out(&output).contains("Release 3 is live") && said.contains("aliases of an earlier release"),
        "{said}"
    );
    assert_eq!((status(&printed), place.releases()), (401, (vec![3, 2, 1], Some(3))));
}

/// A parameter is part of a release: its value reaches the alias.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_parameter_reaches_the_alias() {
    let mut place = Place::new().with_database().await;
    place.build(|_| String::new());
    out(&place.deploy(&[]));
    place.parameters.insert("LogLevel".to_owned(), "warn".to_owned());
    out(&place.deploy(&[]));
    let code = "
about = boto3.client('lambda').get_function_configuration(FunctionName=given, Qualifier='live')
result = about['Environment']['Variables']['LOG_LEVEL']";
    let level = aws(code, &json!(format!("{}-users-me", place.stack)));
    assert_eq!(level, "warn");
    assert_eq!(place.releases(), (vec![2, 1], Some(2)));
}
