//! The roles: one for each distinct set of rights, for all functions that have it.
//!
//! What differs between the functions of a role is the log that they write. Lambda tells IAM which function
//! acts, so each function may still write its own log only.

use super::{
    base::Base,
    fragment::Fragment,
    rights::{self, Rights},
    text::{Faults, indented, pascal},
};

/// How many functions share a role at most. A role's policies may have 10,240 characters; with the longest
/// names that are allowed, a function's log takes about 540 of them, and the rights up to 2,000.
const MOST: usize = 15;

/// A role, and the functions that have it.
#[derive(Debug)]
pub(super) struct Role<'f, 'a> {
    /// The name of the resource.
    pub(super) name: String,
    rights: Rights,
    functions: Vec<&'f Fragment<'a>>,
}

/// Puts functions with equal rights together. The roles are in the order of their first functions.
pub(super) fn roles<'f, 'a>(
    fragments: &'f [Fragment<'a>],
    base: &Base<'_>,
    faults: &mut Faults,
) -> Vec<Role<'f, 'a>> {
    let mut roles: Vec<Role<'f, 'a>> = Vec::new();
    for fragment in fragments {
        let rights = rights::of(fragment, base, faults);
        let is_open = |role: &&mut Role<'_, '_>| role.rights == rights && role.functions.len() < MOST;
        if let Some(role) = roles.iter_mut().find(is_open) {
            role.functions.push(fragment);
            continue;
        }
        // A second role of the same rights, or of others that have the same name.
        let same = |role: &&Role<'_, '_>| role.rights.name == rights.name;
        let name = match roles.iter().filter(same).count() {
            0 => format!("{}Role", rights.name),
            others => format!("{}{}Role", rights.name, others + 1),
        };
        roles.push(Role { name, rights, functions: vec![fragment] });
    }
    roles
}

impl Role<'_, '_> {
    /// Whether the function has this role.
    pub(super) fn has(&self, stem: &str) -> bool {
        self.functions.iter().any(|function| function.stem == stem)
    }

    /// Returns the text of the role.
    pub(super) fn resource(&self) -> String {
        let condition = self.condition();
        let mut text = format!("  {}:\n    Type: AWS::IAM::Role\n", self.name);
        if let Some(condition) = condition {
            text += &format!("    Condition: {condition}\n");
        }
        text += "    Properties:
      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
";
        for managed in &self.rights.managed {
            text += &indented(&managed.lines().collect::<Vec<_>>(), 6);
        }
        text += "      Policies:
        - PolicyName: rights
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
";
        let logs = self.functions.iter().map(|function| log(function, condition));
        for statement in self.rights.statements.iter().cloned().chain(logs) {
            text += &indented(&statement.lines().collect::<Vec<_>>(), 14);
        }
        text
    }

    /// Returns the condition that all functions of the role have.
    fn condition(&self) -> Option<&str> {
        let mut conditions = self.functions.iter().map(|function| function.value("Condition"));
        let first = conditions.next().flatten();
        first.filter(|_| conditions.all(|other| other == first))
    }
}

/// Returns the right of a function to write its own log. A log group that is made under a condition is named
/// under it, unless the whole role is.
fn log(function: &Fragment<'_>, of_role: Option<&str>) -> String {
    let (stem, name) = (function.stem, pascal(function.stem));
    let arn = format!(
        "arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{AWS::StackName}}-{stem}"
    );
    let right = [
        "Effect: Allow".to_owned(),
        "Action: [logs:CreateLogStream, logs:PutLogEvents]".to_owned(),
        format!("Resource: !GetAtt {name}LogGroup.Arn"),
        "Condition:".to_owned(),
        "  ArnEquals:".to_owned(),
        // The calls come from a version. AWS does not document whether its number is part of the ARN.
        "    lambda:SourceFunctionArn:".to_owned(),
        format!("      - !Sub {arn}"),
        format!("      - !Sub {arn}:*"),
    ];
    match function.value("Condition") {
        Some(condition) if of_role != Some(condition) => {
            format!("- !If\n  - {condition}\n  - {}\n  - !Ref AWS::NoValue", right.join("\n    "))
        }
        _ => format!("- {}", right.join("\n  ")),
    }
}
