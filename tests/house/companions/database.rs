//! ops/database.yaml: nobody reads the data by the way, and nothing is lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{holds, refused};
use crate::template::{
    checks::Faults,
    document::{many, resources, target},
};

/// The fewest days of backups that a deployment may choose.
const BACKUP_DAYS: u64 = 14;

/// All data is encrypted, at rest and in transit, and the database cannot be reached from outside.
fn data_is_unreadable_for_others(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, database) in resources(stack, "AWS::RDS::DBInstance") {
        let mut check = |holds: bool, fault: &str| {
            if !holds {
                faults.push(format!("{id}: {fault}"));
            }
        };
        check(database["StorageEncrypted"] == true, "is not encrypted");
        check(database["PubliclyAccessible"] == false, "has a public address");
        check(database["ManageMasterUserPassword"] == true, "has a password that somebody wrote down");
        let group = target(&database["DBParameterGroupName"]).unwrap_or_default();
        let forced = &stack["Resources"][group]["Properties"]["Parameters"]["rds.force_ssl"];
        check(forced == "1", "accepts connections without TLS");
    }
    for (id, proxy) in resources(stack, "AWS::RDS::DBProxy") {
        if proxy["RequireTLS"] != true {
            faults.push(format!("{id}: accepts connections without TLS"));
        }
        if proxy["DebugLogging"] != false {
            faults.push(format!("{id}: writes statements into its log"));
        }
    }
    faults
}

/// Neither a deleted stack nor a wrong statement loses data.
fn data_is_kept(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, database) in resources(stack, "AWS::RDS::DBInstance") {
        let resource = &stack["Resources"][id];
        if database["DeletionProtection"] != true {
            faults.push(format!("{id}: can be deleted in one step"));
        }
        if resource["DeletionPolicy"] != "Snapshot" || resource["UpdateReplacePolicy"] != "Snapshot" {
            faults.push(format!("{id}: is deleted without a last backup"));
        }
        let days = &stack["Parameters"][target(&database["BackupRetentionPeriod"]).unwrap_or_default()];
        let is_enough = |key: &str| days[key].as_u64().is_some_and(|days| days >= BACKUP_DAYS);
        if !is_enough("Default") || !is_enough("MinValue") {
            faults.push(format!("{id}: has backups of less than {BACKUP_DAYS} days"));
        }
    }
    for (id, _) in resources(stack, "AWS::SecretsManager::Secret") {
        if stack["Resources"][id]["DeletionPolicy"] != "RetainExceptOnCreate" {
            faults.push(format!("{id}: is deleted, and a restored backup needs it"));
        }
    }
    faults
}

/// Each of these is heard of when it begins and when it ends.
fn faults_ring(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let topic = json!([{ "Ref": "AlarmTopicArn" }]);
    let mut watched = BTreeSet::new();
    for (id, alarm) in resources(stack, "AWS::CloudWatch::Alarm") {
        watched.insert(alarm["MetricName"].as_str().unwrap_or_default());
        if alarm["AlarmActions"] != topic || alarm["OKActions"] != topic {
            faults.push(format!("{id}: is not heard of when it begins and when it ends"));
        }
        let is_ours = |one: &&Value| one["Value"]["Ref"] == "Database";
        if !many(&alarm["Dimensions"]).iter().any(is_ours) {
            faults.push(format!("{id}: does not watch this database"));
        }
        // A new database has no values yet.
        if alarm["TreatMissingData"] != "notBreaching" {
            faults.push(format!("{id}: rings for a new database"));
        }
    }
    for metric in ["DatabaseConnections", "CPUUtilization", "FreeStorageSpace"] {
        if !watched.contains(metric) {
            faults.push(format!("{metric}: is not watched"));
        }
    }
    faults
}

/// What the log may hold: no text of a statement and no detail of an error. `alter role … password` has the
/// password in its text.
const QUIET: [(&str, &str); 7] = [
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("pg_stat_statements.track_utility", "0"),
];

/// The log of the database, and what it keeps of statements, holds no password and no row.
fn the_log_holds_no_statement(stack: &Value) -> Faults {
    let parameters = &stack["Resources"]["ParameterGroup"]["Properties"]["Parameters"];
    let loud = QUIET.into_iter().filter(|(name, value)| parameters[name] != *value);
    loud.map(|(name, value)| format!("ParameterGroup: {name} is not {value}")).collect()
}

/// Every login can be rotated, and has the key that its owner chooses.
fn logins_change(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let key = json!({ "Fn::If": ["HasSecretsKey", { "Ref": "SecretsKeyArn" }, { "Ref": "AWS::NoValue" }] });
    let rotations = resources(stack, "AWS::SecretsManager::RotationSchedule");
    for (id, secret) in resources(stack, "AWS::SecretsManager::Secret") {
        let is_its = |(_, rotation): &&(&str, &Value)| target(&rotation["SecretId"]) == Some(id);
        match rotations.iter().find(is_its) {
            None => faults.push(format!("{id}: is never rotated")),
            Some((_, rotation)) if rotation["HostedRotationLambda"]["KmsKeyArn"] != key => {
                faults.push(format!("{id}: its rotation may not use a customer's key"));
            }
            Some(_) => {}
        }
        if secret["KmsKeyId"] != key {
            faults.push(format!("{id}: cannot have a customer's key"));
        }
    }
    faults
}

const DATABASE: &str = "/Resources/Database/Properties";

#[test]
fn data_is_encrypted_at_rest_and_on_its_way() {
    let check = data_is_unreadable_for_others;
    holds(check, "database");
    let of = |property: &str| format!("{DATABASE}/{property}");
    refused(check, "database", &of("StorageEncrypted"), json!(false), "Database: is not encrypted");
    refused(check, "database", &of("PubliclyAccessible"), json!(true), "Database: has a public address");
    let fault = "Database: has a password that somebody wrote down";
    refused(check, "database", &of("ManageMasterUserPassword"), json!(false), fault);
    let forced = "/Resources/ParameterGroup/Properties/Parameters/rds.force_ssl";
    let fault = "Database: accepts connections without TLS";
    refused(check, "database", forced, json!("0"), fault);
    refused(check, "database", &of("DBParameterGroupName"), json!("default.postgres18"), fault);
    let proxy = "/Resources/DatabaseProxy/Properties";
    let fault = "DatabaseProxy: accepts connections without TLS";
    refused(check, "database", &format!("{proxy}/RequireTLS"), json!(false), fault);
    let fault = "DatabaseProxy: writes statements into its log";
    refused(check, "database", &format!("{proxy}/DebugLogging"), json!(true), fault);
}

#[test]
fn data_outlives_a_deleted_stack_and_a_wrong_statement() {
    let check = data_is_kept;
    holds(check, "database");
    let fault = "Database: can be deleted in one step";
    refused(check, "database", &format!("{DATABASE}/DeletionProtection"), json!(false), fault);
    let fault = "Database: is deleted without a last backup";
    refused(check, "database", "/Resources/Database/DeletionPolicy", json!("Delete"), fault);
    refused(check, "database", "/Resources/Database/UpdateReplacePolicy", json!("Delete"), fault);
    let fault = "Database: has backups of less than 14 days";
    refused(check, "database", &format!("{DATABASE}/BackupRetentionPeriod"), json!(0), fault);
    refused(check, "database", "/Parameters/BackupDays/MinValue", json!(0), fault);
    refused(check, "database", "/Parameters/BackupDays/Default", json!(7), fault);
    let fault = "AppLogin: is deleted, and a restored backup needs it";
    refused(check, "database", "/Resources/AppLogin/DeletionPolicy", json!("Delete"), fault);
}

#[test]
fn a_full_database_rings() {
    let check = faults_ring;
    holds(check, "database");
    let alarm = "/Resources/StorageTooFull/Properties";
    for (alarm, metric) in [
        ("ConnectionsTooMany", "DatabaseConnections"),
        ("CpuTooBusy", "CPUUtilization"),
        ("StorageTooFull", "FreeStorageSpace"),
    ] {
        let name = format!("/Resources/{alarm}/Properties/MetricName");
        refused(check, "database", &name, json!("ReadLatency"), &format!("{metric}: is not watched"));
    }
    let fault = "StorageTooFull: is not heard of when it begins and when it ends";
    refused(check, "database", &format!("{alarm}/OKActions"), json!([]), fault);
    let fault = "StorageTooFull: rings for a new database";
    refused(check, "database", &format!("{alarm}/TreatMissingData"), json!("breaching"), fault);
    let fault = "StorageTooFull: does not watch this database";
    refused(check, "database", &format!("{alarm}/Dimensions/0/Value/Ref"), json!("Other"), fault);
}

#[test]
fn no_password_reaches_the_log() {
    let check = the_log_holds_no_statement;
    holds(check, "database");
    let of = |name: &str| format!("/Resources/ParameterGroup/Properties/Parameters/{name}");
    let fault = "ParameterGroup: log_min_error_statement is not panic";
    refused(check, "database", &of("log_min_error_statement"), json!("error"), fault);
    let fault = "ParameterGroup: log_error_verbosity is not terse";
    refused(check, "database", &of("log_error_verbosity"), Value::Null, fault);
}

#[test]
fn every_login_can_be_rotated() {
    let check = logins_change;
    holds(check, "database");
    let rotation = "/Resources/AppRotation/Properties/SecretId";
    refused(check, "database", rotation, json!("other"), "AppLogin: is never rotated");
    let fault = "OperationsLogin: its rotation may not use a customer's key";
    let key = "/Resources/OperationsRotation/Properties/HostedRotationLambda/KmsKeyArn";
    refused(check, "database", key, Value::Null, fault);
    let fault = "MigratorLogin: cannot have a customer's key";
    refused(check, "database", "/Resources/MigratorLogin/Properties/KmsKeyId", Value::Null, fault);
}
