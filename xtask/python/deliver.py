"""The calls of AWS that `cargo xtask deploy` makes: {"work": …, "stack", "region"?, "profile"?, …}.

The caller's environment decides where: credentials, and AWS_ENDPOINT_URL for an emulator.
"""

import concurrent.futures
import json
import os
import time
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError as NoConnection, HTTPClientError

import buckets
import preflight
import releases
import smoke
import tooling
from invoking import PATIENT, invoke_awake, migrate_function, variables
from packages import archive, choose_parameters, functions, is_busy, put_code, read_template, reasons, stack_status
from tooling import Failure, say

# Adaptive: Lambda takes few calls a second that change functions, and a stack has many functions.
CONFIG = Config(retries={"max_attempts": 10, "mode": "adaptive"}, connect_timeout=5, read_timeout=60)
# What is worth a word of the password of a role.
BECAME = {"new": "a new password", "set": "the password of its secret"}


def main(request):
    try:
        session = boto3.Session(
            profile_name=request.get("profile"), region_name=request.get("region") or os.environ.get("AWS_REGION")
        )
        return WORK[request["work"]](lambda service, config=CONFIG: session.client(service, config=config), request)
    except (HTTPClientError, NoConnection) as error:
        raise Failure(
            f"AWS did not respond: {error}",
            "what was begun may still run: wait until CloudFormation and the log of `migrate` are quiet, then try again",
        ) from error
    except (ClientError, BotoCoreError) as error:
        raise Failure(
            f"AWS refused the call: {error}",
            "check the credentials, the profile and the region, and the rights of this login",
        ) from error


def check(client, request):
    """Who calls, what there is of the stack, and what is wrong."""
    try:
        identity = client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        raise Failure(
            f"AWS does not know this login: {error}",
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and sign in again if the session has ended",
        ) from error
    status = stack_status(client("cloudformation"), request["stack"])
    found = preflight.look(client, read_template(request["template"]), request["parameters"])
    if status and is_busy(status):
        found.fault(f"the stack {request['stack']} is {status}", "wait until the other deployment has ended")
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        found.fault(
            f"the stack {request['stack']} is {status}, because its first deployment failed",
            f"delete it with `aws cloudformation delete-stack --stack-name {request['stack']}`",
        )
    if status and not is_busy(status) and status.startswith(("CREATE_COMPLETE", "UPDATE", "IMPORT")):
        preflight.logins(client, found, request)
    if status == "UPDATE_ROLLBACK_FAILED":
        found.fault(
            f"the stack {request['stack']} is {status}",
            f"`aws cloudformation continue-update-rollback --stack-name {request['stack']}`",
        )
    return {
        "account": identity["Account"],
        "login": identity["Arn"],
        "is_first": status in (None, "REVIEW_IN_PROGRESS"),
        "faults": found.faults,
        "notes": found.notes,
    }


def migrate(client, request):
    """Gives the function `migrate` its new program, if there is one, and lets it make the roles and migrate."""
    lambda_ = client("lambda")
    name = migrate_function(client, request["stack"])
    if request.get("program"):
        say(step=f"updating the code of {name}")
        with open(request["program"], "rb") as file:
            code = archive(file.read(), zipfile.ZIP_DEFLATED)
        lambda_.update_function_code(FunctionName=name, ZipFile=code, Architectures=[request["architecture"]])
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    patient = client("lambda", PATIENT)
    # What it knows now: its environment may be that of the deployment before.
    if variables(lambda_.get_function_configuration(FunctionName=name)).get("ADMINISTRATOR_SECRET_ARN"):
        say(step=f"making the roles of the database by {name}")
        made = ask(patient, name, "database_roles", "the roles of the database were not made")
        for role in made["roles"]:
            if role["password"] in BECAME:
                say(step=f"{role['name']} has {BECAME[role['password']]}")
        if made["notices"]:
            say(step=f"notices of the server: {len(made['notices'])}; `cargo xtask database-roles --stack-name {request['stack']}` shows them")
    elif request.get("administrator"):
        say(
            step=f"the roles of the database were not made, because {name} learns of AdministratorSecretArn by this update; "
            f"run `cargo xtask database-roles --stack-name {request['stack']}` after it"
        )
    say(step=f"invoking {name}")
    return ask(patient, name, "up", "the migrations failed")["changed"]


def ask(lambda_, name, command, failed):
    """What the function answers to a command."""
    response = invoke_awake(lambda_, name, json.dumps({"command": command}, separators=(",", ":")).encode())
    payload = json.loads(response["Payload"].read() or b"null")
    # Lambda answers with 200 even if the function has failed.
    if response.get("FunctionError"):
        message = (payload or {}).get("errorMessage", "no message")
        raise Failure(
            f"{failed}: {message}",
            f"see the log /aws/lambda/{name}; what was applied before stays, so mend the cause and deploy again. "
            "If the function needs a changed parameter for it, such as DatabaseHost, add --migrate-last",
        )
    return payload


def package(client, request):
    """Uploads the archives and the template that names them."""
    s3 = client("s3")
    bucket = buckets.ready(client, request.get("bucket"))
    template = read_template(request["template"])
    folder, stack = os.path.dirname(request["template"]), request["stack"]

    def pack(item):
        id, function = item
        with open(os.path.join(folder, id, "bootstrap"), "rb") as file:
            put_code(s3, bucket, f"{stack}/{id}", archive(file.read(), zipfile.ZIP_DEFLATED), function)

    all_functions = functions(template)
    say(step=f"uploading {len(all_functions)} functions to {bucket}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(pack, all_functions.items()))
    releases.stamp(template, request["parameters"])
    body = json.dumps(template).encode()
    key = f"{stack}/templates/{uuid.uuid4().hex}.json"
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return {"bucket": bucket, "template": key}


def change(client, request):
    """Asks CloudFormation what would change. There is no change set if nothing would."""
    cloudformation, s3 = client("cloudformation"), client("s3")
    stack, name = request["stack"], f"deploy-{uuid.uuid4().hex[:12]}"
    template = json.loads(s3.get_object(Bucket=request["bucket"], Key=request["key"])["Body"].read())
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    host = endpoint + "/" + request["bucket"] if endpoint else f"https://{request['bucket']}.s3.{s3.meta.region_name}.{suffix(s3.meta.region_name)}"
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType="CREATE" if request["is_first"] else "UPDATE",
        TemplateURL=f"{host}/{request['key']}",
        Parameters=choose_parameters(template, request["parameters"], "add them to parameter_overrides in samconfig.toml"),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Tags=[{"Key": key, "Value": value} for key, value in request["tags"].items()],
    )
    while True:
        about = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if about["Status"] == "CREATE_COMPLETE":
            break
        if about["Status"] == "FAILED":
            reason = about.get("StatusReason", "no reason given")
            cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
            if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                return {"change_set": None, "changes": []}
            raise Failure(f"CloudFormation refused the template: {reason}", "correct samconfig.toml or template.yaml")
        time.sleep(tooling.pause())
    pages = cloudformation.get_paginator("describe_change_set").paginate(StackName=stack, ChangeSetName=name)
    changes = [one["ResourceChange"] for page in pages for one in page["Changes"]]
    return {
        "change_set": name,
        "changes": [
            {
                "action": one["Action"],
                "id": one["LogicalResourceId"],
                "kind": one["ResourceType"],
                "replaces": one.get("Replacement") in ("True", "Conditional"),
            }
            for one in changes
        ],
    }


def withdraw(client, request):
    cloudformation = client("cloudformation")
    cloudformation.delete_change_set(StackName=request["stack"], ChangeSetName=request["change_set"])
    # It holds nothing yet but the change set.
    if stack_status(cloudformation, request["stack"]) == "REVIEW_IN_PROGRESS":
        cloudformation.delete_stack(StackName=request["stack"])


def suffix(region):
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def execute(client, request):
    """Runs a change set to its end. Returns the outputs of the stack.

    If it fails, each alias has again the version that it had before: CloudFormation sets the aliases that it has
    touched to the latest release, which a rollback may have left.
    """
    cloudformation, lambda_, stack = client("cloudformation"), client("lambda"), request["stack"]
    before = {} if request["is_first"] else releases.live(lambda_, releases.intended(cloudformation, stack))
    try:
        if before and request["is_gradual"]:
            # CodeDeploy refuses an alias that is elsewhere than CloudFormation knows.
            releases.realign(client, request)
        # A version that it has made goes, too. Otherwise Lambda would refuse the same version at the next try.
        cloudformation.execute_change_set(StackName=stack, ChangeSetName=request["change_set"], RetainExceptOnCreate=True)
        return finished(cloudformation, stack)
    except (Failure, ClientError):
        releases.restore(lambda_, before)
        raise


def finished(cloudformation, stack):
    """Waits for the end of an operation. Returns the outputs of the stack."""
    done = None
    while True:
        about = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        status = about["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return outputs(about)
        if not status.endswith("_IN_PROGRESS"):
            works = "the earlier release works on; " if status.startswith("UPDATE") else ""
            raise Failure(
                f"the stack {stack} is {status}: {reasons(cloudformation, stack)}",
                f"{works}mend the resource that it names, then deploy again",
            )
        if status != done:
            say(step=f"{stack}: {status}")
            done = status
        time.sleep(tooling.pause())


def describe(client, request):
    return outputs(client("cloudformation").describe_stacks(StackName=request["stack"])["Stacks"][0])


def outputs(stack):
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def with_bucket(work):
    """For commands that read what deployments have left in the bucket."""

    def in_bucket(client, request):
        bucket, is_there = buckets.found(client, request.get("bucket"))
        if not is_there:
            raise Failure(f"there is no bucket {bucket}, so no release is known", "deploy with `cargo xtask deploy` first")
        return work(client, request | {"bucket": bucket})

    return in_bucket


WORK = {
    "check": check,
    "migrate": migrate,
    "package": package,
    "change": change,
    "withdraw": withdraw,
    "execute": execute,
    "describe": describe,
    "smoke": smoke.smoke,
    "realign": releases.realign,
    "record": releases.record,
    "list": with_bucket(releases.list_releases),
    "rollback": with_bucket(releases.rollback),
}

if __name__ == "__main__":
    tooling.run(main)
