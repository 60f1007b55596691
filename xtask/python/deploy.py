"""Deploys template.yaml to the emulator, creating the stack or updating it.

The template is deployed as it is. Only each CodeUri is replaced, by an archive that holds a
two-line `bootstrap` which executes the binary built on this machine.
"""

import json
import re

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import releases
import tooling
from gateways import answer_themselves
from packages import archive, choose_parameters, functions as functions_of, put_code, read_template, reasons
from tooling import Failure, say

BUCKET = "artifacts"
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
    values = request["parameters"] | store_secrets(client("secretsmanager"), request["secrets"])
    releases.stamp(template, values)

    say(step="creating the stack")
    cloudformation = client("cloudformation")
    remedy = "give each a Default, or a value in xtask/src/stack/deploy.rs"
    parameters = choose_parameters(template, values, remedy)
    deploy(cloudformation, request["stack"], upload(client("s3"), template, request["endpoint"]), parameters)

    say(step="opening the gateway")
    stack = request["stack"]
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    expose(client("apigateway"), cloudformation, stack)

    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}
    return {"outputs": outputs, "functions": functions(client("lambda"), resources, binaries)}


def binary_name(logical_id, resource):
    """`Metadata.BuildProperties.Binary`, or UsersMeFunction → users-me."""
    properties = resource.get("Metadata", {}).get("BuildProperties", {})
    stem = re.sub(r"Function$", "", logical_id)
    return properties.get("Binary") or re.sub(r"(?<!^)(?=[A-Z])", "-", stem).lower()


def package(s3, template, available):
    """Uploads an archive for each function; returns the binary of each logical id."""
    s3.create_bucket(Bucket=BUCKET)
    chosen = {}
    for logical_id, resource in functions_of(template).items():
        binary = binary_name(logical_id, resource)
        if binary not in available:
            raise Failure(
                f"template.yaml: {logical_id} needs the binary `{binary}`, which no folder in functions/ builds",
                "correct Metadata.BuildProperties.Binary, or create functions/" + binary,
            )
        content = archive(f"#!/bin/sh\nexec {quote(available[binary])}\n")
        put_code(s3, BUCKET, binary, content, resource)
        chosen[logical_id] = binary
    return chosen


def quote(path):
    return "'" + path.replace("'", "'\\''") + "'"


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


def expose(apigateway, cloudformation, stack):
    """The API at the root of 127.0.0.1, and RPC under /grpc, with the gateway responses of the
    template.

    The emulator serves a custom domain without the stage in the path, and takes 127.0.0.1 for
    one.
    """
    for logical_id, api, stage in answer_themselves(apigateway, cloudformation, stack):
        at(apigateway, api, stage, PATHS.get(logical_id))


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
