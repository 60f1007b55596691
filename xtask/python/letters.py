"""Dead letters: looks at them, puts them back on their queue, and deletes them.

Anyone can have written a letter. A letter that cannot be read or sent is named and left where it is, and
the others continue.
"""

import json
import re
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tooling import say

# Seconds for which a message is hidden from others while it is looked at. A page of ten takes far
# less; what a killed command leaves hidden is back after it. A walk through many letters takes longer:
# then they come a second time, and are hidden for longer and longer until the walk comes to its end.
HIDDEN = 30
LONGEST_HIDDEN = 12 * 3600
CONFIG = Config(retries={"max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=30)

# SQS takes no larger message; names, types and values of attributes count, too.
MAX_BYTES = 1024 * 1024
# The consumers read no deeper JSON than this.
MAX_DEPTH = 128
# What SQS replies when it refuses one message. Other errors concern all messages and end the command.
REFUSALS = {"InvalidMessageContents", "InvalidParameterValue", "MessageTooLong", "BatchRequestTooLong"}

# An unterminated string extends to the end of the text. Otherwise the search would begin again behind each
# of its quotes, and take minutes for a letter of a few hundred kilobytes.
STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
WHITESPACE = re.compile(r"[ \t\n\r]*")


class Left(Exception):
    """Why a letter stays in the dead-letter queue."""


def pages(sqs, url):
    """Messages in pages of up to ten, each message once, hidden from others until the walk ends. The
    caller removes a message from `rest` after it has taken it off the queue."""
    seen, empty, rest, hidden = set(), 0, {}, HIDDEN
    try:
        # One empty answer says nothing: SQS asks some of its servers at a time.
        while empty < 2:
            messages = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=hidden,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            empty = 0 if messages else empty + 1
            if any(m["MessageId"] in rest for m in messages):
                hidden = min(2 * hidden, LONGEST_HIDDEN)
            back = time.monotonic() + hidden
            rest.update({m["MessageId"]: (m["ReceiptHandle"], back) for m in messages})
            fresh = [m for m in messages if m["MessageId"] not in seen]
            seen.update(m["MessageId"] for m in fresh)
            yield fresh, rest
            if fresh and is_fifo(url):
                # A hidden message hides all that follow it in its group. A page without anything new stays
                # hidden: SQS would give it again and again, and never the other groups.
                left = [m["MessageId"] for m in messages if m["MessageId"] in rest]
                show_again(sqs, url, [rest.pop(message_id) for message_id in left])
    finally:
        show_again(sqs, url, rest.values())


def is_fifo(url):
    return url.endswith(".fifo")


def show_again(sqs, url, rest):
    handles = [handle for handle, back in rest if time.monotonic() < back]
    for start in range(0, len(handles), 10):
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for n, handle in enumerate(handles[start : start + 10])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def chosen(sqs, url, request):
    """The messages that the request names, one by one, with the `rest` of their page."""
    walk = pages(sqs, url)
    try:
        for messages, rest in walk:
            for message in messages:
                if wanted(message, request):
                    yield message, rest
    finally:
        walk.close()


def wanted(message, request):
    ids, name = request.get("ids") or [], request.get("name")
    if ids and message["MessageId"] not in ids:
        return False
    if name is None:
        return True
    try:
        value = read(message["Body"])
    except Left:
        return False
    return value is not None and name in (value.get("event"), value.get("task"))


def peek(request):
    """Up to `limit` messages, which others can receive again as soon as this returns."""
    found = []
    walk = chosen(boto3.client("sqs", config=CONFIG), request["queue"], request)
    try:
        for message, _ in walk:
            found.append(describe(message))
            if len(found) >= request["limit"]:
                break
    finally:
        walk.close()
    return found


def describe(message):
    attributes = message.get("Attributes", {})
    sent = int(attributes.get("SentTimestamp", 0)) / 1000
    return {
        "message_id": message["MessageId"],
        "age_seconds": max(0.0, time.time() - sent),
        "receives": int(attributes.get("ApproximateReceiveCount", 0)),
        # Half of a surrogate pair is no text that JSON lines can carry.
        "body": message["Body"].encode(errors="replace").decode(),
        "obstacle": obstacle(message),
    }


def obstacle(message):
    """Why a letter cannot be put back, or nothing."""
    try:
        ready(message)
    except Left as why:
        return str(why)
    return None


def read(body):
    """A JSON object, or nothing."""
    depth = deepest = 0
    for found in STRING_OR_BRACKET.finditer(body):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found.group(), 0)
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise Left(f"its JSON is nested {deepest} levels deep, and consumers read at most {MAX_DEPTH}")
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def ready(message):
    """The body as it is to be sent."""
    body = identified(message["Body"], message["MessageId"])
    try:
        size = len(body.encode())
    except UnicodeEncodeError as error:
        raise Left("it contains half of a surrogate pair, which SQS refuses") from error
    for name, attribute in message.get("MessageAttributes", {}).items():
        value = attribute.get("BinaryValue", attribute.get("StringValue", ""))
        size += len(name) + len(attribute["DataType"]) + len(value if isinstance(value, bytes) else value.encode())
    if size > MAX_BYTES:
        raise Left(f"it would have {size} bytes, and SQS takes at most {MAX_BYTES}")
    return body


def identified(body, message_id):
    """The body with an id, so that consumers apply it once, however often it is sent.

    A scheduled task has its identity already: its schedule and its time. A null or empty id
    counts as missing. Nothing else in the text changes: no number, no escape and no doubled key.
    """
    value = read(body)
    if value is None or value.get("id") not in (None, "") or ("schedule" in value and "time" in value):
        return body
    if "id" in value:
        begin, end = place_of(body, "id")
        return body[:begin] + json.dumps(message_id) + body[end:]
    start = body.index("{") + 1
    return body[:start] + f'"id": {json.dumps(message_id)}' + (", " if value else "") + body[start:]


def place_of(body, name):
    """Where the value of a key of the outermost object begins and ends. The key must be there."""
    scan, at = json.JSONDecoder().raw_decode, body.index("{")
    while True:
        # Behind the brace, or behind the comma.
        key, at = scan(body, WHITESPACE.match(body, at + 1).end())
        colon = WHITESPACE.match(body, at).end()
        begin = WHITESPACE.match(body, colon + 1).end()
        _, end = scan(body, begin)
        if key == name:
            return begin, end
        at = WHITESPACE.match(body, end).end()


def redrive(request):
    """Sends each wanted message to its queue, then deletes it from the dead-letter queue.

    Ended between the two, it leaves the message in both places; with its id the next run's copy is
    the same message to the consumer.
    """
    sqs = boto3.client("sqs", config=CONFIG)
    dead, queue, done, left = request["dead"], request["queue"], 0, 0
    walk = chosen(sqs, dead, request)
    try:
        for message, rest in walk:
            if request["limit"] is not None and done >= request["limit"]:
                break
            message_id = message["MessageId"]
            try:
                body = ready(message)
                send(sqs, queue, message, body)
            except Left as why:
                left += 1
                say(step="left", message_id=message_id, why=str(why))
                continue
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
            rest.pop(message_id, None)
            done += 1
            say(step="redriven", message=describe(message), gave_id=body != message["Body"])
    finally:
        walk.close()
    return {"done": done, "left": left}


def send(sqs, queue, message, body):
    order = {}
    if is_fifo(queue):
        # The letter's own id: a letter that is sent a second time is taken once. If its copy fails, that
        # one is a letter with another id.
        group = message.get("Attributes", {}).get("MessageGroupId", message["MessageId"])
        order = {"MessageGroupId": group, "MessageDeduplicationId": message["MessageId"]}
    try:
        sqs.send_message(
            QueueUrl=queue, MessageBody=body, MessageAttributes=message.get("MessageAttributes", {}), **order
        )
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "").rsplit(".", 1)[-1]
        if code not in REFUSALS:
            raise
        raise Left(f"SQS refused it: {code}") from error


def drop(request):
    """Deletes the messages with these ids, and returns which ones it has deleted."""
    sqs, dead, deleted = boto3.client("sqs", config=CONFIG), request["dead"], []
    walk = chosen(sqs, dead, request)
    try:
        for message, rest in walk:
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
            rest.pop(message["MessageId"], None)
            deleted.append(message["MessageId"])
            if len(deleted) == len(set(request["ids"])):
                break
    finally:
        walk.close()
    return deleted
