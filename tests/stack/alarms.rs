//! Alarms of functions ring at a topic, and end when the function works again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    deploy::{Place, aws},
    operator::out,
    support::eventually,
};

/// What an alarm has said.
#[derive(Debug)]
pub(crate) struct Heard {
    alarm: String,
    pub(crate) says: String,
    state: String,
}

/// Makes a topic with a queue behind it, and returns the topic and the queue's address.
pub(crate) fn topic(name: &str) -> (String, String) {
    let code = "
sns, sqs = boto3.client('sns'), boto3.client('sqs')
topic = sns.create_topic(Name=given)['TopicArn']
url = sqs.create_queue(QueueName=given)['QueueUrl']
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)
result = [topic, url]";
    serde_json::from_value(aws(code, &json!(name))).expect("a topic")
}

/// Takes what alarms have said from a queue behind a topic.
fn heard(queue: &str) -> Vec<Heard> {
    let code = "
sqs, result = boto3.client('sqs'), []
while messages := sqs.receive_message(QueueUrl=given, MaxNumberOfMessages=10).get('Messages'):
    for message in messages:
        alarm = json.loads(json.loads(message['Body'])['Message'])
        result.append([alarm['AlarmName'], alarm['AlarmDescription'], alarm['NewStateValue']])
        sqs.delete_message(QueueUrl=given, ReceiptHandle=message['ReceiptHandle'])";
    let all: Vec<[String; 3]> = serde_json::from_value(aws(code, &json!(queue))).expect("alarms");
    all.into_iter().map(|[alarm, says, state]| Heard { alarm, says, state }).collect()
}

/// The same for alarms that have begun.
pub(crate) fn rung(queue: &str) -> Vec<Heard> {
    heard(queue).into_iter().filter(|one| one.state == "ALARM").collect()
}

/// Lets an alarm look at the last ten seconds only. The emulator adds up all values of the time at which an alarm looks,
/// so the alarm would end five minutes after the last failure.
fn shorten(alarm: &str) {
    let code = "
client = boto3.client('cloudwatch')
[alarm] = client.describe_alarms(AlarmNames=[given])['MetricAlarms']
kept = ['AlarmName', 'AlarmDescription', 'AlarmActions', 'OKActions', 'Namespace', 'MetricName', 'Dimensions', 'Statistic',
        'Threshold', 'ComparisonOperator', 'TreatMissingData']
client.put_metric_alarm(**{key: alarm[key] for key in kept}, Period=10, EvaluationPeriods=1)
result = None";
    aws(code, &json!(alarm));
}

/// Calls a function and returns whether it has failed.
fn fails(function: &str) -> bool {
    let code = "
called = boto3.client('lambda').invoke(FunctionName=given, Qualifier='live', Payload=b'{}')
result = called.get('FunctionError')";
    aws(code, &json!(function)) != Value::Null
}

/// The relay works and returns an error, because a column of its table is missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_ends_when_its_function_works_again() {
    let mut place = Place::new().with_database().await;
    let (topic, alarms) = topic(&format!("{}-alarms", place.stack));
    place.parameters.insert("AlarmTopicArn".to_owned(), topic);
    place.build(|_| String::new());
    out(&place.deploy(&[]));
    let relay = format!("{}-outbox-relay", place.stack);
    assert!(!fails(&relay));
    assert!(rung(&alarms).is_empty());

    let database = place.database().await;
    database.batch_execute("alter table outbox rename column due_at to due").await.expect("another column");
    assert!(fails(&relay));
    let [begun] = &rung(&alarms)[..] else { panic!("one alarm begins") };
    assert_eq!(begun.says, "outbox-relay fails. Runbook: docs/operations.md#a-function-fails");

    database.batch_execute("alter table outbox rename column due to due_at").await.expect("the column");
    shorten(&begun.alarm);
    let ends = |one: Heard| one.alarm == begun.alarm && one.state == "OK";
    eventually("the alarm ends", Duration::from_secs(60), async || {
        // The alarm is looked at when the function reports.
        fails(&relay);
        heard(&alarms).into_iter().any(ends)
    })
    .await;
    assert!(!fails(&relay));
    assert!(rung(&alarms).is_empty());
}
