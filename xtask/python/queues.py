"""Looks into queues and their dead-letter queues, and puts dead letters back.

The caller's environment decides where: credentials, profile, region and endpoint are boto3's own
affair. Bodies go to xtask over the pipe and nowhere else.
"""

import datetime
import json
import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import tooling
from tooling import Failure, say

# Seconds for which a message is hidden from others while it is looked at. A page of ten takes far
# less; what a killed command leaves hidden is back after it.
HIDDEN = 30
CONFIG = Config(retries={"max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=30)


def main(request):
    # The SDKs of other languages, and Lambda, call it so; boto3 alone does not look there.
    boto3.setup_default_session(region_name=os.environ.get("AWS_REGION"))
    try:
        return WORK[request["work"]](request)
    except (ClientError, BotoCoreError) as error:
        raise Failure(
            f"AWS answered: {error}",
            "check the credentials, the profile and the region of this shell, and that the stack exists",
        ) from error
    except KeyboardInterrupt as error:
        raise Failure("interrupted", "run it again: what has been put back is not there any more") from error


def stack(request):
    """The outputs of a CloudFormation stack."""
    found = boto3.client("cloudformation", config=CONFIG).describe_stacks(StackName=request["stack"])
    return {o["OutputKey"]: o["OutputValue"] for o in found["Stacks"][0].get("Outputs", [])}


def invoke(request):
    """A function's answer to an event."""
    answer = boto3.client("lambda", config=CONFIG).invoke(
        FunctionName=request["function"], Payload=json.dumps(request["event"]).encode()
    )
    payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        payload = payload or {}
        raise Failure(
            f"{request['function']}: {payload.get('errorMessage', 'failed')}",
            "its log says more; `cargo xtask migrate` brings a database up to date that lacks a table",
        )
    return payload


def count(request):
    """For each queue: waiting, in flight, and the age of the oldest in seconds, where known."""
    sqs, cloudwatch = boto3.client("sqs", config=CONFIG), boto3.client("cloudwatch", config=CONFIG)
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    rows = []
    for name, url in request["queues"].items():
        about = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        waiting, in_flight, delayed = (int(about.get(key, 0)) for key in names)
        oldest = oldest_by_metric(cloudwatch, url) if waiting + in_flight else None
        if oldest is None and waiting and name.endswith("dead-letter"):
            # Looking costs nothing there: nothing counts the receives of a dead letter.
            ages = [message["age_seconds"] for message in peek({"queue": url, "limit": 10})]
            oldest = max(ages, default=None)
        rows.append(
            {"queue": name, "waiting": waiting, "in_flight": in_flight, "delayed": delayed, "oldest_seconds": oldest}
        )
    return rows


def oldest_by_metric(cloudwatch, url):
    """SQS itself does not tell; its metric is some minutes late."""
    now = datetime.datetime.now(datetime.timezone.utc)
    try:
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": url.rsplit("/", 1)[-1]}],
            StartTime=now - datetime.timedelta(minutes=10),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
    except (ClientError, BotoCoreError):
        return None  # an operator of queues may not be allowed to read metrics
    return max(found, key=lambda point: point["Timestamp"])["Maximum"] if found else None


def pages(sqs, url):
    """Messages in pages of up to ten, each message once, hidden from others as long as the page is
    worked on. Whoever took a message off the queue says so by removing it from the page's `rest`."""
    seen, empty, rest = set(), 0, {}
    try:
        # One empty answer says nothing: SQS asks some of its servers at a time.
        while empty < 2:
            messages = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            rest.update({m["MessageId"]: (m["ReceiptHandle"], time.monotonic()) for m in messages})
            fresh = [m for m in messages if m["MessageId"] not in seen]
            empty = 0 if fresh else empty + 1
            seen.update(m["MessageId"] for m in fresh)
            yield fresh, rest
    finally:
        show_again(sqs, url, rest)


def show_again(sqs, url, rest):
    handles = [handle for handle, taken in rest.values() if time.monotonic() - taken < HIDDEN]
    for start in range(0, len(handles), 10):
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for n, handle in enumerate(handles[start : start + 10])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def peek(request):
    """Up to `limit` messages, which others can receive again as soon as this returns."""
    found = []
    walk = pages(boto3.client("sqs", config=CONFIG), request["queue"])
    try:
        for messages, _ in walk:
            found.extend(describe(m) for m in messages if wanted(m, request))
            if len(found) >= request["limit"]:
                break
    finally:
        walk.close()
    return found[: request["limit"]]


def describe(message):
    attributes = message.get("Attributes", {})
    sent = int(attributes.get("SentTimestamp", 0)) / 1000
    return {
        "message_id": message["MessageId"],
        "age_seconds": max(0.0, time.time() - sent),
        "receives": int(attributes.get("ApproximateReceiveCount", 0)),
        "body": message["Body"],
    }


def wanted(message, request):
    ids, name = request.get("ids") or [], request.get("name")
    if ids and message["MessageId"] not in ids:
        return False
    body = read(message["Body"])
    return name is None or (body is not None and name in (body.get("event"), body.get("task")))


def read(body):
    """A JSON object, or nothing."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def identified(body, message_id):
    """The body with an id, so that whoever remembers ids applies it once, however often it is sent.

    A scheduled task has its identity already: its schedule and its time. Nothing else in the text
    changes, no number and no doubled key.
    """
    value = read(body)
    if value is None or value.get("id") is not None or ("schedule" in value and "time" in value):
        return body
    if "id" in value:
        return json.dumps(value | {"id": message_id}, ensure_ascii=False)
    start = body.index("{") + 1
    return body[:start] + f'"id": {json.dumps(message_id)}' + (", " if value else "") + body[start:]


def redrive(request):
    """Sends each wanted message to its queue, then deletes it from the dead-letter queue.

    Ended between the two, it leaves the message in both places; with its id the next run's copy is
    the same message to the consumer.
    """
    sqs = boto3.client("sqs", config=CONFIG)
    dead, queue, done = request["dead"], request["queue"], 0
    walk = pages(sqs, dead)
    try:
        for messages, rest in walk:
            for message in messages:
                if not wanted(message, request):
                    continue
                if request["limit"] is not None and done >= request["limit"]:
                    return done
                body = identified(message["Body"], message["MessageId"])
                attributes = message.get("MessageAttributes", {})
                sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=attributes)
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
                rest.pop(message["MessageId"], None)
                done += 1
                say(step="redriven", message=describe(message), gave_id=body != message["Body"])
    finally:
        walk.close()
    return done


WORK = {"stack": stack, "invoke": invoke, "count": count, "peek": peek, "redrive": redrive}

if __name__ == "__main__":
    tooling.run(main)
