"""Looks into queues, and works on dead letters (letters.py).

The caller's environment decides where: credentials, profile, region and endpoint are boto3's own
affair. Bodies go to xtask over the pipe and nowhere else.
"""

import datetime
import json
import os

import boto3
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError as NoConnection, HTTPClientError

import tooling
from invoking import PATIENT, invoke_awake
from letters import CONFIG, drop, peek, redrive
from tooling import Failure


def main(request):
    # The SDKs of other languages, and Lambda, call it so; boto3 alone does not look there.
    boto3.setup_default_session(region_name=os.environ.get("AWS_REGION"))
    try:
        return WORK[request["work"]](request)
    except (ClientError, BotoCoreError) as error:
        raise Failure(
            f"AWS refused the call: {error}",
            "check the credentials, the profile and the region of this shell, and that the stack exists",
        ) from error
    except KeyboardInterrupt as error:
        raise Failure("interrupted", "run the command again; messages that were put back are no longer in the dead-letter queue") from error


def stack(request):
    """The outputs of a CloudFormation stack."""
    found = boto3.client("cloudformation", config=CONFIG).describe_stacks(StackName=request["stack"])
    return {o["OutputKey"]: o["OutputValue"] for o in found["Stacks"][0].get("Outputs", [])}


def invoke(request):
    """A function's answer to an event. The call may change something, so it is made once, and waited for."""
    name = request["function"]
    try:
        answer = invoke_awake(boto3.client("lambda", config=PATIENT), name, json.dumps(request["event"]).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
    except (HTTPClientError, NoConnection) as error:
        raise Failure(
            f"{name} did not respond: {error}",
            f"it may still run: wait until its log /aws/lambda/{name} is quiet, then run the command again",
        ) from error
    if "FunctionError" in answer:
        payload = payload or {}
        raise Failure(f"{name}: {payload.get('errorMessage', 'failed')}", request["hint"])
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


WORK = {"stack": stack, "invoke": invoke, "count": count, "peek": peek, "redrive": redrive, "drop": drop}

if __name__ == "__main__":
    tooling.run(main)
