//! ops/network.yaml: its subnets fit, and lie in zones that have what they need.

use regex_lite::Regex;
use serde_json::{Value, json};

use super::{companion, holds, refused};
use crate::template::{checks::Faults, document::resources, rules::broken_rules};

/// Subnets lie in zones that the owner may choose, because not every zone has every endpoint.
fn zones_can_be_chosen(stack: &Value) -> Faults {
    let subnets = resources(stack, "AWS::EC2::Subnet").into_iter();
    let zone = |subnet: &Value| subnet["AvailabilityZone"]["Fn::If"][1]["Ref"].as_str().map(str::to_owned);
    let is_chosen = |subnet: &Value| {
        subnet["AvailabilityZone"]["Fn::If"][0] == "HasZones"
            && matches!(zone(subnet).as_deref(), Some("FirstZone" | "SecondZone"))
    };
    let (chosen, fixed): (Vec<_>, Vec<_>) = subnets.partition(|(_, subnet)| is_chosen(subnet));
    let mut faults: Faults =
        fixed.into_iter().map(|(id, _)| format!("{id}: lies in a zone that nobody can choose")).collect();
    let private = chosen.iter().filter(|(id, _)| id.starts_with("Private")).map(|(_, subnet)| zone(subnet));
    let mut zones: Vec<_> = private.flatten().collect();
    zones.dedup();
    if faults.is_empty() && zones.len() != 2 {
        faults.push("the private subnets lie in one zone".to_owned());
    }
    faults
}

/// `!Cidr` refuses to make more or larger subnets than the network has room for.
fn subnets_fit(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let pattern = stack["Parameters"]["VpcCidr"]["AllowedPattern"].as_str().unwrap_or_default();
    let pattern = Regex::new(pattern).expect("a pattern");
    let smallest = (0..=32_u32).filter(|bits| pattern.is_match(&format!("10.0.0.0/{bits}"))).max();
    let smallest = smallest.expect("a network that VpcCidr allows");
    for (id, subnet) in resources(stack, "AWS::EC2::Subnet") {
        let select = &subnet["CidrBlock"]["Fn::Select"];
        let cidr = &select[1]["Fn::Cidr"];
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let (Some(place), Some(count), Some(bits)) = (number(&select[0]), number(&cidr[1]), number(&cidr[2]))
        else {
            faults.push(format!("{id}: is no part of VpcCidr"));
            continue;
        };
        if place >= count || u64::from(count) << bits > 1 << (32 - smallest) {
            faults.push(format!("{id}: does not fit into a network of {smallest} bits"));
        }
    }
    faults
}

#[test]
fn subnets_lie_in_zones_that_can_be_chosen() {
    let check = zones_can_be_chosen;
    holds(check, "network");
    let zone = "/Resources/PrivateSubnetB/Properties/AvailabilityZone";
    let fault = "PrivateSubnetB: lies in a zone that nobody can choose";
    refused(check, "network", zone, json!({ "Fn::Select": [1, { "Fn::GetAZs": "" }] }), fault);
    let chosen = format!("{zone}/Fn::If/1/Ref");
    refused(check, "network", &chosen, json!("FirstZone"), "the private subnets lie in one zone");
}

/// CloudFormation refuses values that lead nowhere before it makes anything.
#[test]
fn values_that_lead_nowhere_are_refused() {
    let stack = companion("network");
    let reach = "network: FunctionsReachAws: Endpoints or NatGateway must be true: functions read secrets and \
                 send to queues";
    let zones = "network: ZonesComeInPairs: FirstZone and SecondZone must both be set, and differ: a database \
                 needs two zones";
    for (values, expected) in [
        (&[][..], &[][..]),
        (&[("FirstZone", "eu-central-1a"), ("SecondZone", "eu-central-1c")], &[]),
        (&[("FirstZone", "eu-central-1a")], &[zones]),
        (&[("SecondZone", "eu-central-1a")], &[zones]),
        (&[("FirstZone", "eu-central-1a"), ("SecondZone", "eu-central-1a")], &[zones]),
        (&[("Endpoints", "false")], &[reach]),
        (&[("Endpoints", "false"), ("NatGateway", "true")], &[]),
    ] {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(broken_rules(&stack, "network", &values), expected, "{values:?}");
    }
}

#[test]
fn subnets_fit_into_every_network_that_is_allowed() {
    let check = subnets_fit;
    holds(check, "network");
    let bits = "/Resources/PublicSubnet/Properties/CidrBlock/Fn::Select/1/Fn::Cidr/2";
    let fault = "PublicSubnet: does not fit into a network of 19 bits";
    refused(check, "network", bits, json!(12), fault);
    let place = "/Resources/PublicSubnet/Properties/CidrBlock/Fn::Select/0";
    refused(check, "network", place, json!(3), fault);
}
