"""Reads and replaces the secret that signs tokens, on AWS or in the emulator.

{"secret", "region", "endpoint"?, "login"?} reads it: {"text", "version", "changed"}, the last in
seconds since 1970. With {"text", "version"} it is replaced, unless it is another version by now.
"""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import tooling
from tooling import Failure


def main(request):
    arguments = {"config": Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=20)}
    if request.get("endpoint"):
        arguments["endpoint_url"] = request["endpoint"]
    if request.get("region"):
        arguments["region_name"] = request["region"]
    if request.get("login"):
        arguments |= {"aws_access_key_id": request["login"], "aws_secret_access_key": request["login"]}
    name = request["secret"]
    try:
        client = boto3.client("secretsmanager", **arguments)
        found = read(client, name)
        if "text" not in request:
            return found
        if found["version"] != request["version"]:
            raise Failure(
                f"another process changed {name} in the meantime",
                "check `cargo xtask keys status`, then try again",
            )
        client.put_secret_value(SecretId=name, SecretString=request["text"])
        return read(client, name)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        raise Failure(
            f"Secrets Manager refused {name}: {code} {message}",
            "check the name or ARN, the region and the account; this login needs "
            "secretsmanager:GetSecretValue and PutSecretValue on the secret",
        ) from error
    except BotoCoreError as error:
        raise Failure(
            f"Secrets Manager cannot be reached: {error}",
            "set AWS_REGION and credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
        ) from error


def read(client, name):
    answer = client.get_secret_value(SecretId=name)
    if "SecretString" not in answer:
        raise Failure(f"{name} is binary", "store the text of a key or of a key set")
    changed = int(answer["CreatedDate"].timestamp())
    return {"text": answer["SecretString"], "version": answer["VersionId"], "changed": changed}


tooling.run(main)
