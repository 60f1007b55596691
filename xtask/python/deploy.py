"""Deploys template.yaml to the emulator, creating the stack or updating it.

The template is deployed as it is. Only each CodeUri is replaced, by an archive that holds a
two-line `bootstrap` which executes the binary built on this machine.
"""

import hashlib
import io
import json
import re
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

import tooling
from tooling import Failure, say

BUCKET = "artifacts"
FUNCTION = "AWS::Serverless::Function"
DOMAIN = "127.0.0.1"
# The path of an API that is not at the root.
PATHS = {"GrpcApi": "grpc"}


def main(request):
    settings = {
        "endpoint_url": request["endpoint"],
        "region_name": request["region"],
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=120),
    }
    client = lambda service: boto3.client(service, **settings)
    template = read_template(request["template"])

    say(step="packaging the functions")
    binaries = package(client("s3"), template, request["binaries"])
    secrets = store_secrets(client("secretsmanager"), request["secrets"])

    say(step="creating the stack")
    cloudformation = client("cloudformation")
    parameters = choose_parameters(template, request["parameters"] | secrets)
    deploy(cloudformation, request["stack"], upload(client("s3"), template, request["endpoint"]), parameters)

    say(step="opening the gateway")
    stack = request["stack"]
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    expose(client("apigateway"), cloudformation, stack, resources)

    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}
    return {"outputs": outputs, "functions": functions(client("lambda"), resources, binaries)}


def read_template(path):
    try:
        with open(path, encoding="utf-8") as file:
            # Through JSON, so that an unquoted date becomes the text it stands for.
            return json.loads(json.dumps(yaml_parse(file.read()), default=str))
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", "restore the file, for example with git checkout") from error
    except Exception as error:
        raise Failure(f"{path} is not valid YAML: {error}", "correct the line it names") from error


def binary_name(logical_id, resource):
    """`Metadata.BuildProperties.Binary`, or UsersMeFunction → users-me."""
    properties = resource.get("Metadata", {}).get("BuildProperties", {})
    stem = re.sub(r"Function$", "", logical_id)
    return properties.get("Binary") or re.sub(r"(?<!^)(?=[A-Z])", "-", stem).lower()


def package(s3, template, available):
    """Uploads an archive for each function; returns the binary of each logical id."""
    s3.create_bucket(Bucket=BUCKET)
    chosen = {}
    for logical_id, resource in template["Resources"].items():
        if resource.get("Type") != FUNCTION:
            continue
        binary = binary_name(logical_id, resource)
        if binary not in available:
            raise Failure(
                f"template.yaml: {logical_id} needs the binary `{binary}`, which no folder in functions/ builds",
                "correct Metadata.BuildProperties.Binary, or create functions/" + binary,
            )
        content = archive(f"#!/bin/sh\nexec {quote(available[binary])}\n")
        key = f"{binary}-{hashlib.sha256(content).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        resource.setdefault("Properties", {})["CodeUri"] = {"Bucket": BUCKET, "Key": key}
        chosen[logical_id] = binary
    return chosen


def quote(path):
    return "'" + path.replace("'", "'\\''") + "'"


def archive(bootstrap):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        entry = zipfile.ZipInfo("bootstrap")  # dated 1980, so that equal content is an equal file
        entry.external_attr = 0o100755 << 16
        file.writestr(entry, bootstrap)
    return buffer.getvalue()


def store_secrets(secretsmanager, secrets):
    """Creates or replaces the secrets; returns the template parameters that name them."""
    parameters = {}
    for parameter, secret in secrets.items():
        value = secret["value"] if isinstance(secret["value"], str) else json.dumps(secret["value"])
        try:
            created = secretsmanager.create_secret(Name=secret["name"], SecretString=value)
        except secretsmanager.exceptions.ResourceExistsException:
            created = secretsmanager.put_secret_value(SecretId=secret["name"], SecretString=value)
        parameters[parameter] = created["ARN"]
    return parameters


def choose_parameters(template, known):
    """The values for what the template declares, and no others: CloudFormation refuses those."""
    declared = template.get("Parameters", {})
    missing = [n for n, p in declared.items() if n not in known and "Default" not in p]
    if missing:
        raise Failure(
            f"template.yaml has parameters without a value: {', '.join(missing)}",
            "give each a Default, or a value in xtask/src/stack/deploy.rs",
        )
    return [
        {"ParameterKey": name, "ParameterValue": str(known[name])} for name in declared if name in known
    ]


def upload(s3, template, endpoint):
    """Through S3, as SAM does it: CloudFormation takes no more than 51,200 bytes directly."""
    s3.put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template).encode())
    return f"{endpoint}/{BUCKET}/template.json"


def deploy(cloudformation, stack, template_url, parameters):
    arguments = {
        "StackName": stack,
        "TemplateURL": template_url,
        "Parameters": parameters,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        exists = bool(cloudformation.describe_stacks(StackName=stack)["Stacks"])
    except ClientError:
        exists = False
    hint = "correct template.yaml; `sam validate --lint` may show the cause"
    try:
        if exists:
            cloudformation.update_stack(**arguments)
            wait = "stack_update_complete"
        else:
            cloudformation.create_stack(**arguments)
            wait = "stack_create_complete"
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" in message:
            return
        raise Failure(f"the emulator refused the stack: {message}", hint) from error
    try:
        cloudformation.get_waiter(wait).wait(
            StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
        )
    except Exception as error:
        raise Failure("the deployment of the stack failed: " + reasons(cloudformation, stack), hint) from error


def reasons(cloudformation, stack):
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
    return "; ".join(failed) or "no resource gives a reason"


def expose(apigateway, cloudformation, stack, resources):
    """The API at the root of 127.0.0.1, and RPC under /grpc, with the gateway responses of the
    template.

    The emulator serves a custom domain without the stage in the path, and takes 127.0.0.1 for
    one. It drops gateway responses when it imports the API, so they are set again.
    """
    physical = lambda kind: {
        r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind
    }
    # All stages have the one name that the template gives them.
    apis, stages = physical("AWS::ApiGateway::RestApi"), set(physical("AWS::ApiGateway::Stage").values())
    processed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    if isinstance(processed, str):
        processed = json.loads(processed)
    for stage in stages:
        for logical_id, api in apis.items():
            body = processed["Resources"][logical_id]["Properties"].get("Body", {})
            answer_itself(apigateway, api, stage, body.get("x-amazon-apigateway-gateway-responses", {}))
            at(apigateway, api, stage, PATHS.get(logical_id))


def answer_itself(apigateway, api, stage, answers):
    for kind, answer in answers.items():
        status = {"statusCode": str(answer["statusCode"])} if "statusCode" in answer else {}
        apigateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            responseParameters=answer.get("responseParameters", {}),
            responseTemplates=answer.get("responseTemplates", {}),
            **status,
        )
    if answers:
        apigateway.create_deployment(restApiId=api, stageName=stage)


def at(apigateway, api, stage, path):
    mapping = {"domainName": DOMAIN, "restApiId": api, "stage": stage} | ({"basePath": path} if path else {})
    known = apigateway.get_domain_names()["items"]
    if DOMAIN not in [domain["domainName"] for domain in known]:
        apigateway.create_domain_name(domainName=DOMAIN)
    base = path or "(none)"
    mapped = apigateway.get_base_path_mappings(domainName=DOMAIN).get("items", [])
    known = next((one["restApiId"] for one in mapped if one["basePath"] == base), None)
    if known == api:
        return
    # The emulator replaces an API whose routes have changed.
    if known:
        apigateway.delete_base_path_mapping(domainName=DOMAIN, basePath=base)
    apigateway.create_base_path_mapping(**mapping)


def functions(lambda_, resources, binaries):
    """What `invoke` and `logs` must know of each function, by the name of its binary."""
    found = {}
    for resource in resources:
        if resource["LogicalResourceId"] in binaries and resource["ResourceType"] == "AWS::Lambda::Function":
            name = resource["PhysicalResourceId"]
            about = lambda_.get_function_configuration(FunctionName=name)
            found[binaries[resource["LogicalResourceId"]]] = {
                "name": name,
                "environment": about.get("Environment", {}).get("Variables", {}),
                "timeout": about["Timeout"],
                "memory": about["MemorySize"],
            }
    return found


if __name__ == "__main__":
    tooling.run(main)
