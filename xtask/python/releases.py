"""Releases: which version of each function was live, and moving the alias `live` of all functions.

After each deployment, S3 keeps {"number", "at", "label", "template", "versions"} for each release.
"""

import concurrent.futures
import datetime
import hashlib
import json

from botocore.exceptions import ClientError

from invoking import auth, migrate_function
from packages import functions, is_busy, stack_status
from tooling import Failure, say

ALIAS = "live"
# Stands for the version of an alias that shares its calls between two of them.
SEVERAL = "several"
# They are no part of a version of a function.
ELSEWHERE = {"AutoPublishAlias", "AutoPublishAliasAllProperties", "AutoPublishCodeSha256", "CodeUri", "DeploymentPreference", "EventInvokeConfig", "Events", "Tags"}


def stamp(template, parameters):
    """Lets SAM publish a version of a function if and only if its code or its settings change.

    SAM itself does not see that the value of a parameter has changed, and Lambda refuses a version that is equal to
    the one before. `AutoPublishCodeSha256` has the hash of the code, and gets one of everything.
    """
    known = {name: str(about.get("Default", "")) for name, about in template.get("Parameters", {}).items()}
    known |= {name: str(value) for name, value in parameters.items()}
    conditions = template.get("Conditions", {})
    common = template.get("Globals", {}).get("Function", {})
    for function in functions(template).values():
        properties = function["Properties"]
        settings = {k: v for k, v in merged(common, properties).items() if k not in ELSEWHERE}
        all_of_it = [properties["AutoPublishCodeSha256"], resolved(settings, known, conditions)]
        text = json.dumps(all_of_it, sort_keys=True)
        properties["AutoPublishCodeSha256"] = hashlib.sha256(text.encode()).hexdigest()


def merged(common, own):
    if isinstance(common, dict) and isinstance(own, dict):
        return common | {key: merged(common.get(key), value) for key, value in own.items()}
    return own


def resolved(value, known, conditions):
    """A value with parameters and conditions in place. What only AWS knows stays as it is."""
    of = lambda inner: resolved(inner, known, conditions)
    if isinstance(value, list):
        return [of(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, inner), = value.items()
        match name:
            case "Ref":
                return known.get(inner, value)
            case "Condition":
                return of(conditions[inner]) if inner in conditions else value
            case "Fn::Equals":
                return of(inner[0]) == of(inner[1])
            case "Fn::Not":
                return not of(inner[0])
            case "Fn::And":
                return all([of(item) for item in inner])
            case "Fn::Or":
                return any([of(item) for item in inner])
            case "Fn::If":
                return of(inner[1] if of({"Condition": inner[0]}) is True else inner[2])
            case "Fn::Join" if isinstance(of(inner[1]), str):
                return of(inner[1])
    return {key: of(item) for key, item in value.items()}


def intended(cloudformation, stack):
    """The version of each function that the stack has."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    all_resources = [one for page in pages for one in page["StackResourceSummaries"]]
    versions = [one for one in all_resources if one["ResourceType"] == "AWS::Lambda::Version"]
    # Versions of earlier releases are not deleted, and may still be listed.
    arns = [one["PhysicalResourceId"] for one in versions if not one["ResourceStatus"].startswith("DELETE")]
    return dict(arn.split(":")[6:8] for arn in arns)


def found(call):
    """What a call returns, or nothing if what it asks for does not exist."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFoundException", "NoSuchEntity"):
            return None
        raise


def live(lambda_, names):
    """The version that the alias of each function has. Functions without the alias are left out."""

    def version(name):
        alias = found(lambda: lambda_.get_alias(FunctionName=name, Name=ALIAS))
        if alias is None:
            return name, None
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
        return name, SEVERAL if weights else alias["FunctionVersion"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return {name: present for name, present in pool.map(version, names) if present}


def move(lambda_, wanted):
    """Lets each alias have the wanted version, and it alone. Returns the functions whose alias has moved."""
    present = live(lambda_, wanted)
    moving = sorted(name for name, version in present.items() if SEVERAL != wanted[name] != version)

    def update(name):
        try:
            alone = {"AdditionalVersionWeights": {}}
            lambda_.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=wanted[name], RoutingConfig=alone)
        except ClientError as error:
            return name, error

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        failed = dict(filter(None, pool.map(update, moving)))
    if failed:
        name, error = next(iter(failed.items()))
        raise Failure(
            f"{len(failed)} of {len(moving)} aliases could not be moved, so two releases are live: {', '.join(failed)}. {name}: {error}",
            "mend the cause, then `cargo xtask release rollback ENVIRONMENT NUMBER` with the release that you want",
        )
    return moving


def restore(lambda_, before):
    """Lets each alias have the version from before a deployment that failed, which is what the caller reports."""
    try:
        moved = move(lambda_, before)
        if moved:
            say(step=f"{len(moved)} aliases were moved back to the release that was live before")
    except (Failure, ClientError) as error:
        say(step=f"the aliases were not moved back to the release that was live before: {error}")


def configurations(lambda_, wanted):
    """What Lambda knows of the version of each function, or nothing if it was deleted."""

    def configuration(item):
        name, version = item
        return name, found(lambda: lambda_.get_function_configuration(FunctionName=name, Qualifier=version))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(pool.map(configuration, wanted.items()))


def unusable(client, wanted, known):
    """Why versions cannot be live: they, or the roles that they name, were deleted."""
    iam = client("iam")

    def is_there(role):
        return found(lambda: iam.get_role(RoleName=role)) is not None

    roles = {name: about and about["Role"].split("/")[-1] for name, about in known.items()}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        used = sorted(set(filter(None, roles.values())))
        there = dict(zip(used, pool.map(is_there, used)))
    gone = [f"version {wanted[name]} of {name}" for name, used in roles.items() if not used]
    return gone + [f"the role {used} of {name}" for name, used in roles.items() if used and not there[used]]


def refuse_other_logins(client, stack, number, known):
    """The roles of the database have either passwords or tokens, and a rollback does not change them."""
    now = auth(client("lambda").get_function_configuration(FunctionName=migrate_function(client, stack)))
    if other := {auth(about) for about in known.values() if about} - {None, now}:
        raise Failure(
            f"release {number} logs in to the database by {other.pop()}, and the roles of the database take {now}",
            "set DatabaseAuth as that release has it, and deploy its code with --migrate-last",
        )


def realign(client, request):
    """Undoes what `rollback` has moved, because CloudFormation does not see it."""
    moved = move(client("lambda"), intended(client("cloudformation"), request["stack"]))
    if moved:
        say(step=f"{len(moved)} aliases of an earlier release were moved to this one")
    return moved


def record(client, request):
    """Notes the release that was deployed, unless it is the one before. Returns its number."""
    s3, bucket, stack = client("s3"), request["bucket"], request["stack"]
    versions = intended(client("cloudformation"), stack)
    known = records(s3, bucket, stack)
    if known and known[-1]["versions"] == versions:
        return known[-1]["number"]
    number = known[-1]["number"] + 1 if known else 1
    about = {
        "number": number,
        "at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S"),
        "label": request["label"],
        "template": request["template"],
        "versions": versions,
    }
    s3.put_object(Bucket=bucket, Key=f"{stack}/releases/{number:08}.json", Body=json.dumps(about).encode())
    return number


def records(s3, bucket, stack):
    """All releases, the oldest first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{stack}/releases/")
    keys = sorted(one["Key"] for page in pages for one in page.get("Contents", []))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = pool.map(lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(), keys)
        return [json.loads(body) for body in bodies]


def of_now(known, present):
    """The latest release whose versions are live, or nothing."""
    fits = [one for one in known if all(present.get(name) == v for name, v in one["versions"].items() if name in present)]
    return fits[-1]["number"] if fits else None


def list_releases(client, request):
    known = records(client("s3"), request["bucket"], request["stack"])
    names = {name for one in known for name in one["versions"]}
    now = of_now(known, live(client("lambda"), sorted(names)))
    return [{key: one[key] for key in ("number", "at", "label", "template")} | {"live": one["number"] == now} for one in known]


def rollback(client, request):
    """Lets the functions of another release be live: the one with this number, or the one before."""
    status = stack_status(client("cloudformation"), request["stack"])
    if status and is_busy(status):
        raise Failure(
            f"the stack {request['stack']} is {status}, so its aliases may move",
            "wait until the deployment has ended, or end it with `aws cloudformation cancel-update-stack` or in CodeDeploy",
        )
    known = records(client("s3"), request["bucket"], request["stack"])
    numbers = {one["number"]: one for one in known}
    number = request["number"]
    present = live(client("lambda"), sorted({name for one in known for name in one["versions"]}))
    if number is None:
        now = of_now(known, present)
        if now is None:
            raise Failure("the live versions are of no single release", "name a release that `cargo xtask release list` shows")
        number = max((other for other in numbers if other < now), default=None)
        if number is None:
            raise Failure(f"there is no release before {now}", "deploy the earlier version of the code")
    if number not in numbers:
        raise Failure(f"there is no release {number}", "choose one that `cargo xtask release list` shows")
    wanted = numbers[number]["versions"]
    moving = {name: v for name, v in wanted.items() if name in present}
    other = {name: v for name, v in moving.items() if present[name] != v}
    about = configurations(client("lambda"), other)
    if missing := unusable(client, other, about):
        raise Failure(
            f"release {number} cannot be live again, because these were deleted: {', '.join(missing)}",
            "deploy the earlier version of the code",
        )
    refuse_other_logins(client, request["stack"], number, about)
    moved = move(client("lambda"), moving)
    return {
        "number": number,
        "moved": len(moved),
        "gone": sorted(name for name in wanted if name not in present),
        "newer": sorted(name for name in present if name not in wanted),
    }
