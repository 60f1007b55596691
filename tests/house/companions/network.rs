//! ops/network.yaml: who reaches whom.

use serde_json::{Value, json};

use super::{actions, endpoints::services, holds, refused, statements};
use crate::template::{
    checks::Faults,
    document::{many, resources, target},
};

/// Returns the rules of all security groups for one direction, each with the resource that has it.
fn rules<'a>(stack: &'a Value, direction: &str) -> Vec<(&'a str, &'a Value)> {
    let groups = resources(stack, "AWS::EC2::SecurityGroup").into_iter();
    let property = format!("SecurityGroup{direction}");
    let inline = groups.flat_map(|(id, group)| {
        many(&group[&property]).into_iter().map(move |rule| (id, rule)).collect::<Vec<_>>()
    });
    inline.chain(resources(stack, &format!("AWS::EC2::SecurityGroup{direction}"))).collect()
}

/// A connection is let in from a security group, never from addresses.
fn groups_let_in_groups(stack: &Value) -> Faults {
    let ingress = rules(stack, "Ingress").into_iter();
    let open = ingress.filter(|(_, rule)| rule["SourceSecurityGroupId"].is_null());
    open.map(|(id, _)| format!("{id}: lets in addresses, and not a security group")).collect()
}

/// AWS allows all that leaves a group without a rule for it, and so does the protocol -1.
fn groups_say_what_they_reach(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, group) in resources(stack, "AWS::EC2::SecurityGroup") {
        if many(&group["SecurityGroupEgress"]).is_empty() {
            faults.push(format!("{id}: reaches everything, because it names nothing"));
        }
    }
    for (id, rule) in rules(stack, "Egress") {
        let with_nat = rule["CidrIp"] == json!({ "Fn::If": ["HasNat", "0.0.0.0/0", { "Ref": "VpcCidr" }] });
        let is_always = rule["CidrIp"] == "0.0.0.0/0" || !rule["CidrIpv6"].is_null();
        // Anything else that CloudFormation calculates may be the world, too.
        let is_world = is_always || rule["CidrIp"].get("Fn::If").is_some();
        let is_narrow = !rule["FromPort"].is_null() && rule["FromPort"] == rule["ToPort"];
        if rule["IpProtocol"] == "-1" || (is_world && !is_narrow) {
            faults.push(format!("{id}: reaches more than one port of the world"));
        }
        if is_world && !with_nat && stack["Resources"][id]["Condition"] != "HasNat" {
            faults.push(format!("{id}: reaches the world without a NAT gateway"));
        }
    }
    faults
}

/// The mail server is reached by both ways: from the group of the functions, and through an endpoint or NAT.
fn mail_is_reached(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let from_functions = |condition: &str, is_mail: &dyn Fn(&Value) -> bool| {
        resources(stack, "AWS::EC2::SecurityGroupEgress").into_iter().any(|(id, rule)| {
            target(&rule["GroupId"]) == Some("FunctionsSecurityGroup")
                && stack["Resources"][id]["Condition"] == condition
                && is_mail(rule)
        })
    };
    if !from_functions("HasNat", &|rule| rule["FromPort"] == json!({ "Ref": "MailPort" })) {
        faults.push("a mail server outside AWS is not reached".to_owned());
    }
    let is_smtp = |rule: &Value| rule["FromPort"] == 465 && rule["ToPort"] == 587;
    let to_endpoint = |rule: &Value| {
        is_smtp(rule) && target(&rule["DestinationSecurityGroupId"]) == Some("EndpointsSecurityGroup")
    };
    let lets_in = rules(stack, "Ingress").iter().any(|(id, rule)| {
        *id == "EndpointsSecurityGroup"
            && is_smtp(rule)
            && target(&rule["SourceSecurityGroupId"]) == Some("FunctionsSecurityGroup")
    });
    if !lets_in
        || !from_functions("HasMailEndpoint", &to_endpoint)
        || !services(stack).contains(&"email-smtp")
    {
        faults.push("the SMTP of Amazon SES is not reached by its endpoint".to_owned());
    }
    faults
}

/// Kafka and a cache are reached, if their owner names their ports.
fn kafka_and_cache_are_reached(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (what, port, condition) in [("Kafka", "KafkaPort", "HasKafka"), ("a cache", "CachePort", "HasCache")]
    {
        let reaches = |(id, rule): (&str, &Value)| {
            let is_port = |key: &str| rule[key] == json!({ "Ref": port });
            stack["Resources"][id]["Condition"] == condition
                && is_port("FromPort")
                && is_port("ToPort")
                && target(&rule["GroupId"]) == Some("FunctionsSecurityGroup")
        };
        if !resources(stack, "AWS::EC2::SecurityGroupEgress").into_iter().any(reaches) {
            faults.push(format!("{what} is not reached"));
        }
    }
    faults
}

/// Flow logs are written by this account's flow logs alone, and with all that AWS asks for.
fn refused_connections_are_logged(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let role = &stack["Resources"]["FlowLogRole"]["Properties"];
    let trust = &statements(&role["AssumeRolePolicyDocument"])[0]["Condition"];
    let arn =
        json!({ "Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*" });
    if trust["ArnLike"]["aws:SourceArn"] != arn
        || trust["StringEquals"]["aws:SourceAccount"] != json!({ "Ref": "AWS::AccountId" })
    {
        faults.push("FlowLogRole: is lent to flow logs of others".to_owned());
    }
    let all = statements(&role["Policies"][0]["PolicyDocument"]);
    for (action, everywhere) in [
        ("logs:CreateLogStream", false),
        ("logs:PutLogEvents", false),
        ("logs:DescribeLogStreams", false),
        ("logs:DescribeLogGroups", true),
    ] {
        let resource = if everywhere { json!("*") } else { json!({ "Fn::GetAtt": ["FlowLogGroup", "Arn"] }) };
        let allows = |one: &&Value| actions(one).contains(&action) && one["Resource"] == resource;
        if !all.iter().any(allows) {
            faults.push(format!("FlowLogRole: lacks {action}"));
        }
    }
    faults
}

#[test]
fn a_database_is_reached_from_security_groups_alone() {
    let check = groups_let_in_groups;
    holds(check, "network");
    let rule = "/Resources/DatabaseFromFunctions/Properties";
    let world = json!({ "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "0.0.0.0/0" });
    let fault = "DatabaseFromFunctions: lets in addresses, and not a security group";
    refused(check, "network", rule, world.clone(), fault);
    let inline = "/Resources/EndpointsSecurityGroup/Properties/SecurityGroupIngress";
    let fault = "EndpointsSecurityGroup: lets in addresses, and not a security group";
    refused(check, "network", inline, json!([world]), fault);
}

#[test]
fn a_group_reaches_what_it_names() {
    let check = groups_say_what_they_reach;
    holds(check, "network");
    let group = "/Resources/DatabaseSecurityGroup/Properties/SecurityGroupEgress";
    let fault = "DatabaseSecurityGroup: reaches everything, because it names nothing";
    refused(check, "network", group, Value::Null, fault);
    let fault = "FunctionsToDatabase: reaches more than one port of the world";
    refused(check, "network", "/Resources/FunctionsToDatabase/Properties/IpProtocol", json!("-1"), fault);
    let fault = "FunctionsToMailServer: reaches more than one port of the world";
    refused(check, "network", "/Resources/FunctionsToMailServer/Properties/ToPort", json!(65_535), fault);
    let fault = "FunctionsToAws: reaches the world without a NAT gateway";
    refused(check, "network", "/Resources/FunctionsToAws/Condition", json!("HasEndpoints"), fault);
}

#[test]
fn kafka_and_a_cache_can_be_reached() {
    let check = kafka_and_cache_are_reached;
    holds(check, "network");
    let port = "/Resources/FunctionsToCache/Properties/ToPort";
    refused(check, "network", port, json!({ "Ref": "KafkaPort" }), "a cache is not reached");
    let condition = "/Resources/FunctionsToKafka/Condition";
    refused(check, "network", condition, json!("HasCache"), "Kafka is not reached");
    let world = "/Resources/FunctionsToKafka/Properties/CidrIp/Fn::If/0";
    let fault = "FunctionsToKafka: reaches the world without a NAT gateway";
    refused(groups_say_what_they_reach, "network", world, json!("HasKafka"), fault);
}

#[test]
fn the_mail_server_is_reached() {
    let check = mail_is_reached;
    holds(check, "network");
    let fault = "a mail server outside AWS is not reached";
    refused(check, "network", "/Resources/FunctionsToMailServer/Properties/FromPort", json!(443), fault);
    let fault = "the SMTP of Amazon SES is not reached by its endpoint";
    refused(check, "network", "/Resources/FunctionsToMailEndpoint/Properties/ToPort", json!(465), fault);
    refused(
        check,
        "network",
        "/Resources/MailEndpointOfSes/Properties/PrivateDnsEnabled",
        json!(false),
        fault,
    );
    let ingress = "/Resources/EndpointsSecurityGroup/Properties/SecurityGroupIngress/1/FromPort";
    refused(check, "network", ingress, json!(443), fault);
}

#[test]
fn refused_connections_reach_the_log() {
    let check = refused_connections_are_logged;
    holds(check, "network");
    let role = "/Resources/FlowLogRole/Properties";
    let action = format!("{role}/Policies/0/PolicyDocument/Statement/1/Action");
    let fault = "FlowLogRole: lacks logs:DescribeLogGroups";
    refused(check, "network", &action, json!("logs:DescribeLogStreams"), fault);
    let source = format!("{role}/AssumeRolePolicyDocument/Statement/0/Condition/ArnLike");
    refused(check, "network", &source, Value::Null, "FlowLogRole: is lent to flow logs of others");
}
