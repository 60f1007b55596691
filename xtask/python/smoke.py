"""Calls the API of a stack, to see that it works."""

import json
import os
import time
import urllib.error
import urllib.request
import uuid

import tooling
from gateways import answer_themselves
from tooling import Failure

# How long an API that was just made may take to answer.
PATIENCE_S = 30


def smoke(client, request):
    """Calls the API: it is healthy, answers an unknown route itself, and lets a user in if asked."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        answer_themselves(client("apigateway"), client("cloudformation"), request["stack"])
    base = address(request["url"])
    try:
        return checked(base, request)
    except OSError as error:
        remedy = "check the output ApiUrl"
        if request.get("target"):
            host = base.removeprefix("https://").partition("/")[0]
            remedy = (
                f"the deployment itself is complete. If {host} does not lead to {request['target']} (the output "
                "DomainTarget) yet, make this CNAME where the zone of the domain is, and deploy again when it has spread"
            )
        raise Failure(f"{base} cannot be reached: {error}", remedy) from error


def checked(base, request):
    """What was good. A server that does not answer is an OSError."""
    status, body = call(f"{base}/api/v1/debug/health-check/", patience=PATIENCE_S)
    if status != 200:
        raise Failure(f"the health check answers {status}: {short(body)}", f"see the log /aws/lambda/{request['stack']}-debug-health-check")
    status, body = call(f"{base}/api/v1/no-such-route/")
    if status != 404 or "error_id" not in body:
        raise Failure(f"an unknown route answers {status}: {short(body)}", "expected 404 in the envelope of docs/errors.md; is ApiUrl right?")
    checks = ["health", "unknown route"]
    if request["sign_up"]:
        user = {"email": f"smoke-{uuid.uuid4().hex}@example.com", "password": uuid.uuid4().hex}
        for path in ("sign-up", "tokens"):
            status, body = call(f"{base}/api/v1/auth/{path}/", user)
            if status != 200:
                raise Failure(f"/api/v1/auth/{path}/ answers {status}: {short(body)}", f"see the log of the function, below /aws/lambda/{request['stack']}-auth-")
        checks += ["sign-up", "sign-in"]
    return checks


def address(url):
    """Where the API answers: an emulator serves all of them below its own address."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    host, _, stage = url.removeprefix("https://").rstrip("/").partition("/")
    if endpoint and ".execute-api." in host:
        return f"{endpoint}/_aws/execute-api/{host.split('.')[0]}/{stage}"
    return url.rstrip("/")


def call(url, body=None, patience=0):
    """A response's status and JSON. Until `patience` has passed, a server error is asked again."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"} if data else {})
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, parsed(response.read())
        except urllib.error.HTTPError as error:
            if error.code < 500 or time.monotonic() > deadline:
                return error.code, parsed(error.read())
        except OSError as error:
            if time.monotonic() > deadline:
                raise
        time.sleep(tooling.pause())


def parsed(text):
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def short(body):
    return json.dumps(body)[:300]
