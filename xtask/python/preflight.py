"""Looks for what would make a deployment fail late, or leave functions that cannot work.

Each fault is {"problem", "remedy"}; a note is something that this login may not look at.
"""

import json
import re
import ssl
import time

from botocore.exceptions import ClientError

import connections
from invoking import auth, migrate_function
from packages import functions

# What Lambda allows for all names and values of a function's environment.
ENVIRONMENT = 4096
# The longest that a stack's name of 42 characters makes.
ARN, QUEUE_URL = 140, 130
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
ROLES = {"DatabaseSecretArn", "MigratorSecretArn", "OperationsSecretArn"}
URLS = {
    "MailUrlArn": (("smtps", "smtp"), "smtps://USER:PASSWORD@HOST:465"),
    "CacheUrlArn": (("rediss", "redis"), "rediss://USER:PASSWORD@HOST:6379"),
}


class Findings:
    def __init__(self):
        self.faults, self.notes = [], []

    def fault(self, problem, remedy):
        self.faults.append({"problem": problem, "remedy": remedy})

    def asked(self, what, call, missing):
        """What `call` returns, or nothing: then a finding says why."""
        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in DENIED:
                self.notes.append(f"{what} was not checked: this login may not do so")
            else:
                self.fault(f"{what}: {code} {error.response['Error'].get('Message', '')}".strip(), missing)
            return None


def look(client, template, parameters):
    found = Findings()
    declared = template.get("Parameters", {})
    for name in parameters:
        if name not in declared:
            found.fault(f"the parameter {name} is not in template.yaml", "remove it from samconfig.toml, or correct its name")
    for name, about in declared.items():
        if name not in parameters and "Default" not in about:
            found.fault(f"the parameter {name} has no value", "add it to parameter_overrides in samconfig.toml")
    for name in declared:
        value = parameters.get(name, "")
        if value and name.endswith(("SecretArn", "UrlArn")):
            secret(client, found, name, value, parameters)
    certificate(found, parameters)
    topic = parameters.get("AlarmTopicArn")
    if topic:
        found.asked(
            f"the topic {topic} of AlarmTopicArn",
            lambda: client("sns").get_topic_attributes(TopicArn=topic),
            "set AlarmTopicArn to the output of the stack of ops/account.yaml, or to nothing",
        )
    environments(found, template, parameters)
    connections.check(found, template, parameters)
    return found


def secret(client, found, parameter, arn, parameters):
    what = f"the secret {arn} of {parameter}"
    about = found.asked(
        what,
        lambda: client("secretsmanager").describe_secret(SecretId=arn),
        f"create it as docs/deploying.md says, and set {parameter} to its whole ARN",
    )
    if about is None:
        return
    if about.get("DeletedDate"):
        found.fault(f"{what} is about to be deleted", f"`aws secretsmanager restore-secret --secret-id {arn}`")
        return
    key(client, found, parameter, about.get("KmsKeyId"), parameters)
    # `database_roles` gives the login of a role its first value.
    if parameter in ROLES and parameters.get("AdministratorSecretArn") and not about.get("VersionIdsToStages"):
        return
    value = found.asked(
        f"the value of {what[4:]}",
        lambda: client("secretsmanager").get_secret_value(SecretId=arn),
        "give it a value with `aws secretsmanager put-secret-value`",
    )
    if value is not None:
        problem, shape = misshapen(parameter, value.get("SecretString"))
        if problem:
            found.fault(f"{what} {problem}", f"its value must look like {shape}")


def misshapen(parameter, text):
    """What is wrong with a secret's text, without any of it, and how it should look."""
    if parameter in URLS:
        schemes, shape = URLS[parameter]
        is_good = re.match(rf"({'|'.join(schemes)})://[^/\s]", text or "")
        return (None if is_good else f"is no URL that begins with {' or '.join(s + '://' for s in schemes)}"), shape
    shape = '{"username": "…", "password": "…"}'
    try:
        pair = json.loads(text or "")
    except ValueError:
        return "is not JSON", shape
    if not isinstance(pair, dict):
        return "is no JSON object", shape
    lacking = [name for name in ("username", "password") if not (isinstance(pair.get(name), str) and pair[name])]
    return (f"has no {' and no '.join(lacking)}" if lacking else None), shape


def key(client, found, parameter, key_id, parameters):
    """A function may decrypt only with a key that a parameter names."""
    name = parameter.removesuffix("Arn") + "KeyArn"
    named = parameters.get(name, "")
    # Without a key, or with the account's default one, nothing is needed.
    own = key_id if key_id and "alias/aws/" not in key_id else None
    if own is None and not named:
        return
    if own is None:
        found.fault(f"the secret of {parameter} is not encrypted by the key of {name}", f"remove {name}, or encrypt the secret by this key")
        return
    about = found.asked(
        f"the KMS key {own} of {parameter}",
        lambda: client("kms").describe_key(KeyId=own)["KeyMetadata"],
        "give the secret a key that exists",
    )
    if about is None:
        return
    if about["KeyState"] != "Enabled":
        found.fault(f"the KMS key {about['Arn']} of {parameter} is {about['KeyState']}", "enable it, or give the secret another key")
    if named != about["Arn"]:
        found.fault(f"functions may not decrypt the secret of {parameter}", f"set {name} to {about['Arn']}")


def certificate(found, parameters):
    pem = parameters.get("DatabaseSslRootCert", "")
    remedy = "`cargo xtask database-ca HOST` finds the right one"
    if not pem or pem.startswith("/"):
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        found.fault("DatabaseSslRootCert is no certificate in PEM", remedy)
        return
    count = context.cert_store_stats()["x509"]
    if count != 1:
        found.fault(f"DatabaseSslRootCert has {count} certificates, and an environment holds one", remedy)
        return
    authorities = context.get_ca_certs()
    if not authorities:
        found.fault("DatabaseSslRootCert is a certificate, but not of a CA", remedy)
        return
    expires = authorities[0]["notAfter"]
    if ssl.cert_time_to_seconds(expires) < time.time():
        found.fault(f"DatabaseSslRootCert expired on {expires}", remedy)


def logins(client, found, request):
    """A member of rds_iam has no password, and any other role no token: the roles and all functions change together."""
    now = found.asked(
        "how functions log in to the database",
        lambda: auth(client("lambda").get_function_configuration(FunctionName=migrate_function(client, request["stack"]))),
        "deploy our template, with the function `migrate`",
    )
    wanted = request["parameters"].get("DatabaseAuth", "password")
    if now is None or now == wanted:
        return
    if not request.get("migrate_last"):
        found.fault(f"DatabaseAuth changes from {now} to {wanted}, and `migrate` still logs in by {now}", "add --migrate-last")
    if request["parameters"].get("GradualDeployments") == "true":
        found.fault(
            f"DatabaseAuth changes from {now} to {wanted}, and no database takes both for the time of a gradual deployment",
            "set GradualDeployments to false for this deployment",
        )


def environments(found, template, parameters):
    common = template.get("Globals", {}).get("Function", {}).get("Environment", {}).get("Variables", {})
    values = {name: str(about.get("Default", "")) for name, about in template.get("Parameters", {}).items()} | parameters
    for id, function in functions(template).items():
        own = function.get("Properties", {}).get("Environment", {}).get("Variables", {})
        size = sum(len(name) + length(value, values) for name, value in (common | own).items())
        if size >= ENVIRONMENT:
            found.fault(
                f"the environment of {id} has about {size} bytes, and Lambda allows {ENVIRONMENT}",
                "shorten the longest parameters in samconfig.toml, for example DatabaseSslRootCert or CorsOriginWhitelist",
            )
            # The common ones are the same for all.
            return


def length(value, values):
    """How many bytes a value takes. What the stack makes is taken for as long as it can be."""
    if isinstance(value, dict) and len(value) == 1:
        (name, inner), = value.items()
        if name == "Ref":
            return len(values[inner].encode()) if inner in values else max(ARN, QUEUE_URL)
        if name == "Fn::If":
            return max(length(case, values) for case in inner[1:])
        if name == "Fn::Sub" and isinstance(inner, str):
            return len(inner) + 42
        return ARN
    return len(str(value).encode())
