//! The resources of one function: the function, what its fragment adds, and its log group.

use super::{
    fragment::{Fragment, Route, file},
    managed::Managed,
    text::{Faults, indented, pascal},
};

/// The memory of a function that hashes passwords, at least.
const HASHING_MB: u32 = 1024;

/// Keys of a fragment that are no properties of the function.
const ELSEWHERE: [&str; 4] = ["Condition", "ManagedPolicyArns", "Resources", "Statement"];

/// Returns the event that answers OPTIONS of each path, by the function that owns the path.
pub(super) fn preflights<'a>(fragments: &[Fragment<'a>], faults: &mut Faults) -> Vec<(&'a str, String)> {
    let mut owners: Vec<(&'a str, &Route)> = Vec::new();
    let mut seen: Vec<(&'a str, &Route)> = Vec::new();
    for (fragment, route) in fragments.iter().flat_map(|f| f.routes.iter().map(move |route| (f, route))) {
        let is_same = |other: &Route| other.api == route.api && other.path == route.path;
        let twin = seen.iter().find(|(_, other)| is_same(other) && other.method == route.method);
        if let Some((stem, _)) = twin {
            let at = fragment.at("Events", &route.event);
            let (method, path, other) = (&route.method, &route.path, file(stem));
            faults.push(format!("{at}: {method} {path} is also in {other}; remove one of the two"));
        }
        seen.push((fragment.stem, route));
        match owners.iter_mut().find(|(_, owner)| is_same(owner)) {
            None => owners.push((fragment.stem, route)),
            Some(owner) if route.method == "GET" => *owner = (fragment.stem, route),
            Some(_) => {}
        }
    }
    owners.into_iter().map(|(stem, route)| (stem, preflight(route))).collect()
}

fn preflight(route: &Route) -> String {
    let Route { event, api, path, .. } = route;
    let name = if event == "Call" { "Preflight" } else { &format!("{event}Preflight") };
    // Braces in a path would begin a mapping.
    let path = if path.contains('{') { &format!("'{path}'") } else { path };
    format!("{name}: {{Type: Api, Properties: {{RestApiId: !Ref {api}, Path: {path}, Method: OPTIONS}}}}")
}

/// Returns the text of all resources of one function, which has this role.
pub(super) fn resources(
    fragment: &Fragment<'_>,
    role: &str,
    preflights: &[&str],
    managed: &Managed,
) -> String {
    let (stem, name) = (fragment.stem, pascal(fragment.stem));
    let condition =
        fragment.value("Condition").map_or_else(String::new, |value| format!("    Condition: {value}\n"));
    let attribute = managed.attribute(fragment);
    let mut text = indented(&fragment.comment, 2);
    text += &format!(
        "  {name}Function:
    Type: AWS::Serverless::Function
{condition}    Metadata: {{BuildMethod: rust-cargolambda, BuildProperties: {{Binary: {stem}}}}}
{attribute}    Properties:
      FunctionName: !Sub ${{AWS::StackName}}-{stem}
      Role: !GetAtt {role}.Arn
      LoggingConfig: {{LogGroup: !Ref {name}LogGroup}}
"
    );
    text += &managed.properties(fragment);
    if !managed.has(fragment) {
        text += &concurrency(fragment);
    }
    let is_own = |key: &&str| !ELSEWHERE.contains(key) && !managed.replaces(fragment, key);
    for key in fragment.keys().filter(is_own) {
        text += &indented(fragment.comments(key), 6);
        text += &indented(fragment.lines(key), 6);
        if key == "Events" {
            text += &indented(preflights, 8);
        }
    }
    let added = fragment.lines("Resources").get(1..).unwrap_or_default();
    text += &indented(added, 0);
    text += &format!(
        "  {name}LogGroup:
    Type: AWS::Logs::LogGroup
{condition}    Properties:
      LogGroupName: !Sub /aws/lambda/${{AWS::StackName}}-{stem}
      RetentionInDays: !Ref LogRetentionDays
"
    );
    text
}

/// Returns the limit on the instances of a function that answers requests from the database, unless the function has
/// its own: each instance holds a connection.
fn concurrency(fragment: &Fragment<'_>) -> String {
    const KEY: &str = "ReservedConcurrentExecutions";
    let has_database = fragment.variables.iter().any(|(name, _)| name == "DB_SECRET_ARN");
    if fragment.routes.is_empty() || !has_database || !fragment.lines(KEY).is_empty() {
        return String::new();
    }
    // The memory is for the hash: a test compares it with the code.
    let memory = fragment.value("MemorySize").and_then(|megabytes| megabytes.parse::<u32>().ok());
    let class = if memory >= Some(HASHING_MB) { "HashingConcurrency" } else { "RequestConcurrency" };
    format!("      {KEY}: !If [Has{class}, !Ref {class}, !Ref AWS::NoValue]\n")
}
