//! ops/account.yaml: a deployment has the rights that CloudFormation and SAM need for the template.

use serde_json::Value;

use super::{actions, companion, holds, place, policy};
use crate::template::{
    checks::Faults,
    document::{many, resources, template},
};

/// What CloudFormation asks AWS for a resource of each kind, for the properties that this template sets: the
/// permissions of the handlers in the schemas of resource types, and of what SAM makes of a resource.
const NEEDS: [(&str, &[&str]); 17] = [
    (
        "AWS::Serverless::Function",
        &[
            "lambda:CreateFunction",
            "lambda:GetFunction",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:GetFunctionConfiguration",
            "lambda:GetFunctionRecursionConfig",
            "lambda:GetRuntimeManagementConfig",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:DeleteFunction",
            "lambda:ListTags",
            "lambda:TagResource",
            "lambda:UntagResource",
            "iam:PassRole",
            "s3:GetObject",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            // Its events: permissions of the API and of rules, mappings of queues, and rules.
            "lambda:AddPermission",
            "lambda:GetPolicy",
            "lambda:RemovePermission",
            "lambda:CreateEventSourceMapping",
            "lambda:GetEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
            "events:PutRule",
            "events:PutTargets",
            // EventInvokeConfig.
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:GetFunctionEventInvokeConfig",
            "lambda:UpdateFunctionEventInvokeConfig",
            "lambda:DeleteFunctionEventInvokeConfig",
            // A limit on its instances (RequestConcurrency, HashingConcurrency).
            "lambda:PutFunctionConcurrency",
            "lambda:DeleteFunctionConcurrency",
            // Versions and aliases.
            "lambda:PublishVersion",
            "lambda:ListVersionsByFunction",
            "lambda:GetProvisionedConcurrencyConfig",
            "lambda:CreateAlias",
            "lambda:GetAlias",
            "lambda:UpdateAlias",
            "lambda:DeleteAlias",
        ],
    ),
    ("AWS::Serverless::Api", API),
    ("AWS::ApiGateway::DomainName", API),
    ("AWS::ApiGateway::BasePathMapping", API),
    (
        "AWS::CloudWatch::Alarm",
        &[
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DeleteAlarms",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
            "cloudwatch:ListTagsForResource",
        ],
    ),
    (
        "AWS::CloudWatch::Dashboard",
        &["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"],
    ),
    (
        "AWS::Events::Rule",
        &[
            "events:PutRule",
            "events:DescribeRule",
            "events:DeleteRule",
            "events:PutTargets",
            "events:RemoveTargets",
            "events:ListTargetsByRule",
            "events:TagResource",
            "events:UntagResource",
            "events:ListTagsForResource",
        ],
    ),
    (
        "AWS::IAM::Role",
        &[
            "iam:CreateRole",
            "iam:GetRole",
            "iam:DeleteRole",
            "iam:PutRolePolicy",
            "iam:GetRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
            "iam:PutRolePermissionsBoundary",
            "iam:TagRole",
            "iam:UntagRole",
        ],
    ),
    (
        "AWS::Lambda::EventSourceMapping",
        &[
            "lambda:CreateEventSourceMapping",
            "lambda:GetEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
        ],
    ),
    (
        "AWS::Logs::LogGroup",
        &[
            "logs:CreateLogGroup",
            "logs:DescribeLogGroups",
            "logs:DeleteLogGroup",
            "logs:PutRetentionPolicy",
            "logs:DeleteRetentionPolicy",
            "logs:GetDataProtectionPolicy",
            "logs:TagResource",
            "logs:UntagResource",
            "logs:ListTagsForResource",
            // Their older names, which the schema has.
            "logs:TagLogGroup",
            "logs:UntagLogGroup",
            "logs:ListTagsLogGroup",
        ],
    ),
    (
        "AWS::Logs::MetricFilter",
        &["logs:PutMetricFilter", "logs:DescribeMetricFilters", "logs:DeleteMetricFilter"],
    ),
    (
        "AWS::Route53::RecordSet",
        &[
            "route53:ChangeResourceRecordSets",
            "route53:ListResourceRecordSets",
            "route53:GetChange",
            "route53:GetHostedZone",
        ],
    ),
    (
        "AWS::SQS::Queue",
        &[
            "sqs:CreateQueue",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:SetQueueAttributes",
            "sqs:DeleteQueue",
            "sqs:ListQueueTags",
            "sqs:TagQueue",
            "sqs:UntagQueue",
        ],
    ),
    ("AWS::SQS::QueuePolicy", &["sqs:SetQueueAttributes", "sqs:GetQueueAttributes"]),
    (
        "AWS::SecretsManager::Secret",
        &[
            "secretsmanager:CreateSecret",
            // GenerateSecretString.
            "secretsmanager:GetRandomPassword",
            "secretsmanager:DescribeSecret",
            "secretsmanager:UpdateSecret",
            // A first deployment that fails takes them back.
            "secretsmanager:DeleteSecret",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
            // SecretsKeyArn.
            "kms:GenerateDataKey",
            "kms:Decrypt",
        ],
    ),
    (
        "AWS::WAFv2::WebACLAssociation",
        &[
            "wafv2:AssociateWebACL",
            "wafv2:DisassociateWebACL",
            "wafv2:GetWebACLForResource",
            "apigateway:SetWebACL",
        ],
    ),
    // Not a resource: what `sam deploy`, `cargo xtask deploy` and the workflow call themselves.
    (
        SAM,
        &[
            "cloudformation:CreateChangeSet",
            "cloudformation:DescribeChangeSet",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DescribeStacks",
            "cloudformation:DescribeStackResource",
            "cloudformation:DescribeStackEvents",
            "cloudformation:GetTemplateSummary",
            "s3:GetObject",
            "s3:PutObject",
            "s3:ListBucket",
            "s3:GetBucketLocation",
            "lambda:InvokeFunction",
        ],
    ),
];
const API: &[&str] =
    &["apigateway:POST", "apigateway:GET", "apigateway:PUT", "apigateway:PATCH", "apigateway:DELETE"];
const SAM: &str = "sam deploy";

/// CloudFormation does all that the template needs with the rights of the deploy role.
fn a_deployment_may_do_its_work(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let statements = policy(&stack["Resources"]["DeployRole"]["Properties"]);
    let allowed: Vec<&str> = statements.into_iter().flat_map(actions).collect();
    let most = policy(&stack["Resources"]["DeployBoundary"]["Properties"]);
    let most: Vec<&str> = most.into_iter().filter(|one| one["Effect"] == "Allow").flat_map(actions).collect();
    let is_within = |action: &str| {
        most.iter().any(|one| one.strip_suffix('*').map_or(*one == action, |start| action.starts_with(start)))
    };
    let template = template();
    for (kind, needed) in NEEDS {
        if kind != SAM && resources(&template, kind).is_empty() {
            faults.push(format!("{kind}: is not in the template any more"));
        }
        let missing = needed.iter().filter(|action| !allowed.contains(action));
        faults.extend(missing.map(|action| format!("DeployRole: lacks {action} for {kind}")));
    }
    let outside = allowed.iter().filter(|action| !is_within(action));
    faults.extend(outside.map(|action| format!("DeployBoundary: has no room for {action}")));
    let kinds = template["Resources"].as_object().expect("resources").values();
    let kinds = kinds.filter_map(|resource| resource["Type"].as_str());
    let unknown = kinds.filter(|kind| !NEEDS.iter().any(|(known, _)| known == kind));
    faults.extend(unknown.map(|kind| format!("{kind}: no rights are known for it")));
    faults
}

#[test]
fn a_deployment_has_all_rights_that_the_template_needs() {
    let check = a_deployment_may_do_its_work;
    holds(check, "account");
    let faults_without = |sid: &str, part: &str| {
        let mut broken = companion("account");
        let list = broken.pointer_mut(&format!("{}/Action", place(sid))).expect("the actions");
        let before = many(list).len();
        *list = many(list)
            .into_iter()
            .filter(|action| !action.as_str().expect("a text").contains(part))
            .cloned()
            .collect();
        assert!(many(list).len() < before, "{sid} has no {part}");
        check(&broken)
    };
    for (sid, part, fault) in [
        (
            "Questions",
            "DescribeLogGroups",
            "DeployRole: lacks logs:DescribeLogGroups for AWS::Logs::LogGroup",
        ),
        (
            "Questions",
            "GetRandomPassword",
            "DeployRole: lacks secretsmanager:GetRandomPassword for AWS::SecretsManager::Secret",
        ),
        (
            "Secrets",
            "DeleteSecret",
            "DeployRole: lacks secretsmanager:DeleteSecret for AWS::SecretsManager::Secret",
        ),
        (
            "Functions",
            "PutFunctionEventInvokeConfig",
            "DeployRole: lacks lambda:PutFunctionEventInvokeConfig for AWS::Serverless::Function",
        ),
    ] {
        assert_eq!(faults_without(sid, part), [fault]);
    }
    let most = "/Resources/DeployBoundary/Properties/PolicyDocument/Statement/0/Action";
    let mut narrow = companion("account");
    let list = narrow.pointer_mut(most).and_then(Value::as_array_mut).expect("the actions");
    list.retain(|action| action != "sqs:*");
    let faults = check(&narrow);
    let fault = "DeployBoundary: has no room for sqs:CreateQueue".to_owned();
    assert!(faults.contains(&fault), "{faults:?}");
}
