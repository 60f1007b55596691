//! template.yaml is what `cargo xtask template` makes of its parts, and faults in a part are named.

use std::{fs, path::Path};

use catalogue::template::Parts;

use super::{
    budget, checks, document::parse, gateway, holds, limits, logins, permissions, roles, texts, traces,
};

pub(super) fn parts() -> Parts {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Parts::read(&root).unwrap_or_else(|faults| panic!("{}", faults.join("\n")))
}

/// Returns the parts with one text of a fragment replaced by another.
fn edited(stem: &str, from: &str, to: &str) -> Parts {
    let mut parts = parts();
    let fragment = parts.functions.get_mut(stem).expect("a function");
    assert!(fragment.contains(from), "functions/{stem}/function.yaml lacks {from:?}");
    *fragment = fragment.replace(from, to);
    parts
}

#[track_caller]
fn refused(parts: &Parts, expected: &str) {
    assert_eq!(parts.template().expect_err("a fault"), [expected]);
}

#[test]
fn the_template_is_what_its_parts_say() {
    let generated = parts().template().unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let committed = fs::read_to_string(path).expect("template.yaml");
    let different = committed.lines().zip(generated.lines()).position(|(old, new)| old != new);
    assert_eq!(different.map(|line| line + 1), None, "a line of template.yaml: call `cargo xtask template`");
    assert_eq!(committed.len(), generated.len(), "template.yaml: call `cargo xtask template`");
}

/// The generator keeps the rules also with fragments that the committed template does not have.
#[test]
fn the_rules_hold_for_more_functions() {
    let generated = budget::grown(budget::FUNCTIONS).template();
    let template = parse(&generated.unwrap_or_else(|faults| panic!("{}", faults.join("\n"))));
    for check in [
        checks::one_stem_names_binary_and_function,
        checks::every_function_has_a_log_group,
        gateway::every_path_has_one_preflight,
        roles::every_function_has_a_role,
        roles::equal_rights_are_one_role,
        roles::every_function_writes_its_own_log,
        roles::roles_allow_no_wildcard,
        roles::every_role_can_have_a_boundary,
        roles::every_role_may_use_the_network_with_a_vpc,
        permissions::keys_open_secrets_and_nothing_else,
        permissions::permissions_match_the_environment,
        permissions::queue_rights_fit_their_use,
        logins::only_a_stack_with_an_administrator_makes_roles,
        logins::functions_log_in_as_their_own_role,
        limits::limits_are_parameters,
        gateway::gateway_responds_in_the_envelope,
        texts::texts_are_those_of_the_table,
        traces::traces_follow_the_parameter,
    ] {
        holds(&check(&template));
    }
}

/// An endpoint may be longer if it has a comment, a condition, more memory or a `Statement`.
#[test]
fn an_ordinary_endpoint_is_at_most_six_lines() {
    let parts = parts();
    let is_ordinary = |text: &&String| {
        text.matches("Type: Api").count() == 1
            && text.lines().all(|line| [" ", "Environment:", "Events:"].iter().any(|s| line.starts_with(s)))
    };
    let lengths: Vec<_> =
        parts.functions.values().filter(is_ordinary).map(|text| text.lines().count()).collect();
    assert!(lengths.len() > 10 && lengths.iter().all(|&lines| lines <= 6), "{lengths:?}");
}

#[test]
fn a_folder_without_a_fragment_is_named() {
    let root = std::env::temp_dir().join(format!("template-parts-{}", std::process::id()));
    fs::create_dir_all(root.join("functions/users-archive/src")).expect("a folder");
    fs::write(root.join("template.base.yaml"), "Resources:\n").expect("a base");
    let faults = Parts::read(&root).expect_err("a fault");
    fs::remove_dir_all(&root).expect("the folder goes");
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert!(fault.starts_with("functions/users-archive/function.yaml: cannot be read"), "{fault}");
    assert!(fault.ends_with("write it as docs/adding-a-domain.md shows, or remove the folder"), "{fault}");
}

#[test]
fn one_function_of_a_path_handles_options() {
    let by_hand = "Events:\n  Preflight: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /api/v1/users/me, Method: OPTIONS}}";
    refused(
        &edited("users-me", "Events:", by_hand),
        "functions/users-me/function.yaml:4: OPTIONS is added to each path; remove the event Preflight",
    );
    // GET owns the path, whatever comes first by name; without a GET, the first by name does.
    let owner = |parts: &Parts| {
        let template = parts.template().expect("a template");
        let text = template.split("Path: '/api/v1/users/{uuid}', Method: OPTIONS").next().expect("the text");
        let function = text.rsplit("Binary: ").next().expect("a function");
        function.split('}').next().expect("its name").to_owned()
    };
    assert_eq!(owner(&parts()), "users-get");
    assert_eq!(owner(&edited("users-get", "Method: GET", "Method: PUT")), "users-delete");
}

#[test]
fn a_route_that_two_functions_handle_is_named() {
    refused(
        &edited("users-update", "Method: PATCH", "Method: GET"),
        "functions/users-update/function.yaml:5: GET /api/v1/users/{uuid} is also in functions/users-get/function.yaml; remove one of the two",
    );
}

#[test]
fn a_fault_in_a_fragment_says_where_it_is_and_what_mends_it() {
    let file = "functions/users-me/function.yaml";
    for (from, to, fault) in [
        (
            "!Ref JwtSecret",
            "!Ref JwtSecrets",
            "2: SECRET_KEY_ARN is no secret; name a parameter of template.base.yaml that ends in Arn, or a secret of it, as in `!Ref DatabaseSecretArn`",
        ),
        (
            "SECRET_KEY_ARN: !Ref JwtSecret",
            "EVENTS_QUEUE_URL: !Ref JwtSecret",
            "2: EVENTS_QUEUE_URL is no queue; name a queue of template.base.yaml, as in `!Ref EventsQueue`",
        ),
        (
            "Events:",
            "Role: !GetAtt Other.Arn\nEvents:",
            "3: `Role` is generated; remove it: the role follows from the variables, or write `Statement`",
        ),
        (
            "/users/me,",
            "/users/me/,",
            "4: the path \"/api/v1/users/me/\" is wrong; begin it with a slash and end it without one",
        ),
        ("Path: ", "Paths: ", "4: the event Call has no Path; add it to its Properties"),
        (
            "RestApiId: !Ref Api",
            "RestApiId: Api",
            "4: the event Call names no API; add `RestApiId: !Ref Api` to its Properties",
        ),
        ("Type: Api, ", "", "4: the event Call has no Type; write `Type: Api`, or another one"),
    ] {
        let parts = edited("users-me", from, to);
        refused(&parts, &format!("{file}:{fault}"));
    }
    let mut parts = parts();
    let events = "Events: {Call: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}}\n";
    parts.functions.insert("users-me".to_owned(), events.to_owned());
    let fault = "1: `Events` is on one line; write `Events:`, and each event on a line below it";
    assert!(parts.template().expect_err("a fault").contains(&format!("{file}:{fault}")));
    parts.functions.insert("users-me".to_owned(), "Timeout: [".to_owned());
    let faults = parts.template().expect_err("a fault");
    assert!(faults[0].starts_with(&format!("{file}: is no YAML mapping (")), "{faults:?}");
}

#[test]
fn a_fault_in_the_base_says_what_mends_it() {
    let with = |from: &str, to: &str| {
        let mut parts = parts();
        assert!(parts.base.contains(from), "template.base.yaml lacks {from:?}");
        parts.base = parts.base.replacen(from, to, 1);
        parts
    };
    let mark = "  # generated: functions\n";
    refused(
        &with(mark, ""),
        "template.base.yaml: the line `# generated: functions` is missing; write it where that belongs",
    );
    let twice = with(mark, &format!("{mark}  # generated: functions\n"));
    let faults = twice.template().expect_err("a fault");
    assert_eq!(faults, ["template.base.yaml: the line `# generated: functions` is there twice; remove one"]);
    let faults = with(mark, "  # generated: function\n").template().expect_err("a fault");
    assert!(faults[0].contains("nothing named \"function\" is generated; write one of"), "{faults:?}");
}
