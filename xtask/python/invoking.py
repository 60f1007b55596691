"""Invoking functions that may sleep and may take minutes, and what their environments say."""

import time

from botocore.config import Config
from botocore.exceptions import ClientError

import tooling

# A call may take as long as a function may run, and is not to be started twice.
PATIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=960, tcp_keepalive=True)
MIGRATE = "MigrateFunction"
# How long an inactive function may take to be active. AWS names no figure.
WAKING_S = 300


def invoke_awake(lambda_, name, event):
    """Invokes the function. After weeks without a call a function is inactive, and its first call only wakes it."""
    deadline = time.monotonic() + WAKING_S
    while True:
        try:
            return lambda_.invoke(FunctionName=name, Payload=event)
        except ClientError as error:
            sleeps = error.response["Error"]["Code"] in ("ResourceNotReadyException", "ResourceConflictException")
            if not sleeps or time.monotonic() > deadline:
                raise
        time.sleep(tooling.pause())


def migrate_function(client, stack):
    """The name of the function that migrates."""
    found = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=MIGRATE)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def variables(configuration):
    """The environment of a function."""
    return configuration.get("Environment", {}).get("Variables", {})


def auth(configuration):
    """How a function logs in to the database, or nothing if it has none. Releases before DB_AUTH used passwords."""
    known = variables(configuration)
    return known.get("DB_AUTH", "password") if "DB_HOST" in known else None
