//! ops/waf.yaml: a flood is blocked, and what is logged of it signs nobody in.

use serde_json::{Value, json};

use super::{companion, holds, refused};
use crate::template::{checks::Faults, document::many};

/// Names of metrics that AWS WAF keeps for itself.
const RESERVED: [&str; 2] = ["all", "default_action"];

/// A flood is blocked, and what is logged of it signs nobody in.
fn floods_are_blocked(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let acl = &stack["Resources"]["WebAcl"]["Properties"];
    let blocks = |rule: &&Value| {
        rule["Action"] == json!({ "Block": {} })
            && rule["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    };
    if !many(&acl["Rules"]).iter().any(blocks) {
        faults.push("WebAcl: blocks no address that sends too many requests".to_owned());
    }
    let dimensions =
        std::iter::once(acl).chain(many(&acl["Rules"])).map(|one| &one["VisibilityConfig"]["MetricName"]);
    let mut seen = Vec::new();
    for name in dimensions {
        let is_reserved = name.as_str().is_some_and(|name| RESERVED.contains(&name.to_lowercase().as_str()));
        if is_reserved || name.is_null() || seen.contains(&name) {
            faults.push(format!("WebAcl: the metric {name} is reserved or another one's"));
        }
        seen.push(name);
    }
    let redacted = many(&stack["Resources"]["Logging"]["Properties"]["RedactedFields"]);
    for field in [json!({ "SingleHeader": { "Name": "authorization" } }), json!({ "QueryString": {} })] {
        if !redacted.contains(&&field) {
            faults.push(format!("Logging: writes {field}"));
        }
    }
    faults
}

#[test]
fn the_firewall_blocks_floods_and_logs_no_login() {
    let check = floods_are_blocked;
    holds(check, "waf");
    let fault = "WebAcl: blocks no address that sends too many requests";
    let rule = "/Resources/WebAcl/Properties/Rules/0/Action";
    refused(check, "waf", rule, json!({ "Count": {} }), fault);
    let fields = "/Resources/Logging/Properties/RedactedFields";
    let fault = r#"Logging: writes {"SingleHeader":{"Name":"authorization"}}"#;
    refused(check, "waf", fields, json!([{ "QueryString": {} }]), fault);
    let metric = "/Resources/WebAcl/Properties/VisibilityConfig/MetricName";
    for name in ["all", "ALL", "Default_Action", "bad-reputation"] {
        let mut broken = companion("waf");
        *broken.pointer_mut(metric).expect("the metric's name") = json!(name);
        let faults = check(&broken);
        assert!(
            faults.len() == 1 && faults[0].contains("is reserved or another one's"),
            "{name}: {faults:?}"
        );
    }
}
