"""What every deployment of the template does, to AWS or to the emulator: reading it, packing functions, choosing
parameters, and the reasons of a failure."""

import hashlib
import io
import json
import zipfile

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from tooling import Failure

FUNCTION = "AWS::Serverless::Function"


def read_template(path):
    try:
        with open(path, encoding="utf-8") as file:
            # Through JSON, so that an unquoted date becomes the text it stands for.
            return json.loads(json.dumps(yaml_parse(file.read()), default=str))
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", "restore the file, for example with git checkout") from error
    except Exception as error:
        raise Failure(f"{path} is not valid YAML: {error}", "correct the line it names") from error


def functions(template):
    """The functions of a template, by logical id."""
    return {id: one for id, one in template["Resources"].items() if one.get("Type") == FUNCTION}


def archive(bootstrap, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        entry = zipfile.ZipInfo("bootstrap")  # dated 1980, so that equal content is an equal file
        entry.external_attr = 0o100755 << 16
        entry.compress_type = compression
        file.writestr(entry, bootstrap)
    return buffer.getvalue()


def put_code(s3, bucket, prefix, content, function):
    """Uploads an archive under the name of its content, and lets the function have it."""
    digest = hashlib.sha256(content).hexdigest()
    key = f"{prefix}-{digest[:16]}.zip"
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    properties = function.setdefault("Properties", {})
    properties["CodeUri"] = {"Bucket": bucket, "Key": key}
    properties["AutoPublishCodeSha256"] = digest


def choose_parameters(template, known, remedy):
    """The values for what the template declares, and no others: CloudFormation refuses those."""
    declared = template.get("Parameters", {})
    missing = [n for n, p in declared.items() if n not in known and "Default" not in p]
    if missing:
        raise Failure(f"template.yaml has parameters without a value: {', '.join(missing)}", remedy)
    return [
        {"ParameterKey": name, "ParameterValue": str(known[name])} for name in declared if name in known
    ]


def stack_status(cloudformation, stack):
    """The status of a stack, or nothing if there is no such stack."""
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise


def is_busy(status):
    """Whether an operation of CloudFormation runs. A stack that has only a change set so far is not busy."""
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def reasons(cloudformation, stack):
    """Returns why the last operation failed, the first failure first, without the resources that it cancelled."""
    failed = []
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    # The latest come first, and those of earlier operations last.
    for event in (event for page in pages for event in page["StackEvents"]):
        name, reason = event["LogicalResourceId"], event.get("ResourceStatusReason", "no reason given")
        if event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason:
            failed.insert(0, f"{name}: {reason}")
        if name == stack and event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            break
    return "; ".join(failed) or "no resource gives a reason"
