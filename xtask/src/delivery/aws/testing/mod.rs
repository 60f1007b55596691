//! Runs the scripts of Python with a program in place of AWS, for tests.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::checkout::Checkout;
use crate::python::Python;

/// Stands for all services of AWS. `calls` has what changes something; the attributes decide what happens.
const AWS: &str = r#"
import datetime, io, json, sys
sys.path.insert(0, sys.argv[1])
import deliver, invoking, preflight, queues, releases, tooling
from botocore.exceptions import ClientError

tooling.pause = lambda: 0
printed, calls = [], []
deliver.say = releases.say = lambda **line: printed.append(line["step"])
refused = lambda code: ClientError({"Error": {"Code": code, "Message": code}}, "call")

class Pages:
    def __init__(self, *pages): self.pages = pages
    def paginate(self, **_): return self.pages

class Aws:
    status, events, error, sleeps = "UPDATE_COMPLETE", [], None, 0
    variables, made = {"ADMINISTRATOR_SECRET_ARN": ""}, {"roles": [], "notices": []}
    of_versions = {}
    aliases, intended = {"a": "1", "b": "1"}, {"a": "2", "b": "2"}
    stuck, roles, versions = set(), {"role-1", "role-2"}, {("a", "1"), ("b", "1"), ("a", "2"), ("b", "2")}

    def describe_stack_resource(self, **_):
        return {"StackResourceDetail": {"PhysicalResourceId": "app-migrate"}}
    def describe_stacks(self, **_):
        return {"Stacks": [{"StackStatus": self.status}]}
    def get_paginator(self, name):
        arn = "arn:aws:lambda:eu-central-1:1:function:"
        version = lambda name, of: {"ResourceType": "AWS::Lambda::Version", "PhysicalResourceId": f"{arn}{name}:{of}", "ResourceStatus": "UPDATE_COMPLETE"}
        listed = [version(name, of) for name, of in self.intended.items()]
        old = version("a", "1") | {"ResourceStatus": "DELETE_SKIPPED"}
        return Pages({"StackResourceSummaries": listed + [old], "StackEvents": self.events})
    def execute_change_set(self, **given):
        calls.append(["execute", given.get("RetainExceptOnCreate")])
        # As CloudFormation leaves it: what it has touched has the latest release.
        self.aliases = self.aliases | {"a": "2"}
    def update_function_code(self, FunctionName, ZipFile, Architectures):
        calls.append(["code", *Architectures])
    def get_waiter(self, name):
        return self
    def wait(self, **_):
        calls.append("wait")
    def invoke(self, FunctionName, Payload):
        calls.append(Payload.decode())
        if self.sleeps:
            self.sleeps -= 1
            raise refused("ResourceNotReadyException")
        if self.error:
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps({"errorMessage": self.error}).encode())}
        changed = {"changed": ["0001_first"]} if b'"up"' in Payload else self.made
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(changed).encode())}
    def get_alias(self, FunctionName, Name):
        if FunctionName not in self.aliases:
            raise refused("ResourceNotFoundException")
        version, *shared = self.aliases[FunctionName].split("+")
        return {"FunctionVersion": version, "RoutingConfig": {"AdditionalVersionWeights": {one: 0.1 for one in shared}}}
    def update_alias(self, FunctionName, Name, FunctionVersion, RoutingConfig):
        if FunctionName in self.stuck:
            raise refused("AccessDeniedException")
        calls.append([FunctionName, FunctionVersion])
        self.aliases = self.aliases | {FunctionName: FunctionVersion}
    def get_function_configuration(self, FunctionName, Qualifier=None):
        if Qualifier is None:
            return {"Environment": {"Variables": self.variables}}
        if (FunctionName, Qualifier) not in self.versions:
            raise refused("ResourceNotFoundException")
        return {"Role": f"arn:aws:iam::1:role/role-{Qualifier}"} | self.of_versions.get(Qualifier, {})
    def get_role(self, RoleName):
        if RoleName not in self.roles:
            raise refused("NoSuchEntity")
        return {"Role": {}}
    def head_bucket(self, Bucket, ExpectedBucketOwner=None):
        if self.error:
            raise refused(self.error)
        calls.append([Bucket, ExpectedBucketOwner])
    def get_caller_identity(self):
        return {"Account": "1", "Arn": "arn:aws:iam::1:role/operator"}
    def __getattr__(self, name):
        if name == "meta":
            return type("Meta", (), {"region_name": "eu-central-1"})
        raise AttributeError(name)

aws = Aws()
client = lambda *_: aws

def outcome(work):
    try:
        return work()
    except tooling.Failure as failure:
        return str(failure)
    except ClientError as error:
        return error.response["Error"]["Code"]

def told(one):
    releases.records = lambda *_: [{"number": n, "at": "", "label": "", "template": "", "versions": {"a": str(n), "b": str(n)}} for n in (1, 2)]
    return outcome(lambda: releases.rollback(client, {"stack": "app", "bucket": "", "number": one}))
"#;

/// Runs a script after [`AWS`], and returns its variable `result`.
pub(super) fn run(script: &str) -> Value {
    let checkout = Checkout::find().expect("the checkout");
    let installed = || Python::ready(&checkout).expect("Python").program();
    let python = std::env::var_os("TEST_PYTHON").map_or_else(installed, PathBuf::from);
    let scripts = checkout.root().join("xtask/python");
    let script = format!("{AWS}\n{script}\nprint(json.dumps(result))");
    let output = Command::new(python).args(["-c", &script]).arg(scripts).output().expect("Python runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"))
}
