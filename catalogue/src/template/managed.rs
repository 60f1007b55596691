//! Functions that run on Lambda Managed Instances: several requests at once in one process.

use serde::Deserialize;

use super::{fragment::Fragment, text::Faults};

/// The properties of a function that the provider's replace.
const REPLACED: [&str; 2] = ["MemorySize", "ReservedConcurrentExecutions"];

/// `Metadata.ManagedInstances` of template.base.yaml.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Managed {
    /// The folders of the functions.
    functions: Vec<String>,
    /// How many requests a process handles at once.
    requests_at_once: u32,
    /// The processors of all instances together.
    max_v_cpu_count: u32,
}

impl Managed {
    pub(super) fn has(&self, function: &Fragment<'_>) -> bool {
        self.functions.iter().any(|name| name == function.stem)
    }

    /// Whether the function's own value of this property is left out.
    pub(super) fn replaces(&self, function: &Fragment<'_>, property: &str) -> bool {
        self.has(function) && REPLACED.contains(&property)
    }

    /// Checks the names and the numbers of this file. A queue function is refused: a message that ends its
    /// process would count against all other messages there, and a task keeps its connection while it waits.
    pub(super) fn check(&self, file: &str, functions: &[Fragment<'_>], faults: &mut Faults) {
        let at = format!("{file}: Metadata.ManagedInstances");
        for name in &self.functions {
            let Some(function) = functions.iter().find(|function| function.stem == name) else {
                faults.push(format!(
                    "{at}: there is no function {name:?}; write the name of a folder in functions/"
                ));
                continue;
            };
            if function.routes.is_empty() {
                faults.push(format!(
                    "{at}: {name} answers no request of an API; remove it, or give it a route"
                ));
            }
            if !function.lines("ReservedConcurrentExecutions").is_empty() {
                let remedy = "remove one of the two, because the provider has the limit";
                faults.push(format!("{at}: {name} has ReservedConcurrentExecutions; {remedy}"));
            }
        }
        // The limits of AWS.
        if !(1..=1_600).contains(&self.requests_at_once) {
            faults.push(format!(
                "{at}: RequestsAtOnce is {}; write a number from 1 to 1600",
                self.requests_at_once
            ));
        }
        if !(2..=15_000).contains(&self.max_v_cpu_count) {
            faults.push(format!(
                "{at}: MaxVCpuCount is {}; write a number from 2 to 15000",
                self.max_v_cpu_count
            ));
        }
    }

    /// Returns the attribute of a function that runs there: SAM refuses its own network settings, also those from the globals.
    pub(super) fn attribute(&self, function: &Fragment<'_>) -> &'static str {
        if self.has(function) { "    IgnoreGlobals: [VpcConfig]\n" } else { "" }
    }

    /// Returns the properties of a function that runs there. The provider has the subnets. 2 GB is the least memory,
    /// and comes with one processor.
    pub(super) fn properties(&self, function: &Fragment<'_>) -> String {
        if !self.has(function) {
            return String::new();
        }
        format!(
            "      MemorySize: 2048
      CapacityProviderConfig:
        Arn: !GetAtt ManagedInstances.Arn
        ExecutionEnvironmentMemoryGiBPerVCpu: 2
        PerExecutionEnvironmentMaxConcurrency: {}
",
            self.requests_at_once
        )
    }

    /// Returns the provider of the instances, and the role with which Lambda starts them.
    pub(super) fn resources(&self) -> String {
        if self.functions.is_empty() {
            return String::new();
        }
        format!(
            "  ManagedInstances:
    Type: AWS::Lambda::CapacityProvider
    Properties:
      PermissionsConfig: {{CapacityProviderOperatorRoleArn: !GetAtt ManagedInstancesRole.Arn}}
      InstanceRequirements: {{Architectures: [!Ref Architecture]}}
      CapacityProviderScalingConfig: {{MaxVCpuCount: {}, ScalingMode: Auto}}
      VpcConfig: {{SubnetIds: !Ref VpcSubnetIds, SecurityGroupIds: !Ref VpcSecurityGroupIds}}

  ManagedInstancesRole:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: sts:AssumeRole}}
      ManagedPolicyArns: [!Sub 'arn:${{AWS::Partition}}:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator']

",
            self.max_v_cpu_count
        )
    }

    /// Returns the rule that the instances have a network.
    pub(super) fn rule(&self) -> String {
        if self.functions.is_empty() {
            return String::new();
        }
        "  ManagedInstancesHaveANetwork:
    Assertions:
      - Assert: !Not [Fn::EachMemberEquals: [!Ref VpcSubnetIds, '']]
        AssertDescription: Functions on managed instances need VpcSubnetIds and VpcSecurityGroupIds
"
        .to_owned()
    }
}
