//! The rules of logins to the database: who makes them, and who uses a token in the place of a password.

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, many, resources, target},
    statements::{is_database_login, statements},
};

/// Returns the condition of a right to write the secrets that a key encrypts.
pub(super) fn writing(key: &str) -> String {
    format!("Writes{}", key.trim_end_matches("Arn"))
}

/// The function that makes the roles of the database.
const MAKES_ROLES: &str = "MigrateFunction";
/// The logins that it makes, in the order of the statement.
const LOGINS: [&str; 3] = ["DatabaseSecretArn", "MigratorSecretArn", "OperationsSecretArn"];

/// The administrator of the database is known to the one function that makes the roles, which alone writes secrets:
/// those of the roles. It may do so only where the stack names the administrator.
pub(crate) fn only_a_stack_with_an_administrator_makes_roles(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let condition = Some("HasAdministratorSecret");
    let role = target(&template["Resources"][MAKES_ROLES]["Properties"]["Role"]);
    let reference = |name: &str| json!({ "Ref": name });
    for (id, properties) in resources(template, "AWS::IAM::Role") {
        for (found, statement) in statements(properties) {
            let resources: Vec<_> = many(&statement["Resource"]).into_iter().filter_map(target).collect();
            let writes = many(&statement["Action"]).contains(&&Value::from("secretsmanager:PutSecretValue"));
            let is_concerned = writes || resources.contains(&"AdministratorSecretArn");
            if is_concerned && (role != Some(id) || found != condition) {
                faults
                    .push(format!("{id}: makes roles of the database, also without AdministratorSecretArn"));
            }
            if writes && resources != LOGINS {
                faults.push(format!("{id}: writes other secrets than those of the three logins"));
            }
            // The logins of others are read only by who makes them.
            let reads_all = !writes
                && role == Some(id)
                && resources.iter().any(|name| [LOGINS[0], LOGINS[2]].contains(name));
            if reads_all && found != condition {
                faults.push(format!(
                    "{id}: reads the logins of other functions without AdministratorSecretArn"
                ));
            }
        }
    }
    let conditions = &template["Conditions"];
    let is_given = json!({ "Fn::Not": [{ "Fn::Equals": [reference("AdministratorSecretArn"), ""] }] });
    if conditions["HasAdministratorSecret"] != is_given {
        faults.push("HasAdministratorSecret: does not say that AdministratorSecretArn is set".to_owned());
    }
    for login in LOGINS {
        let key = format!("{}KeyArn", login.trim_end_matches("Arn"));
        let has = format!("Has{}", key.trim_end_matches("Arn"));
        let both = json!({ "Fn::And": [{ "Condition": "HasAdministratorSecret" }, { "Condition": has }] });
        if conditions[&writing(&key)] != both {
            faults.push(format!("{}: holds also without AdministratorSecretArn or {key}", writing(&key)));
        }
    }
    faults
}

/// What begins the ARN of a role in the database of the stack.
const DATABASE_USER: &str =
    "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${DatabaseResourceId}/";

/// A function with a login in the database may log in with a token: as its own role and no other, and only where
/// tokens are used.
pub(crate) fn functions_log_in_as_their_own_role(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let usual = &template["Globals"]["Function"]["Environment"]["Variables"]["DB_USER"];
    for (id, function) in functions(template) {
        let variables = &function["Environment"]["Variables"];
        let user = if variables["DB_USER"].is_null() { usual } else { &variables["DB_USER"] };
        let role = target(&function["Role"]).unwrap_or_default();
        let all = statements(&template["Resources"][role]["Properties"]).into_iter();
        let found: Vec<_> = all.filter(|(_, statement)| is_database_login(statement)).collect();
        let own = format!("{DATABASE_USER}{}", user.as_str().unwrap_or_default());
        let own = json!({ "Effect": "Allow", "Action": "rds-db:connect", "Resource": { "Fn::Sub": own } });
        let wanted: &[_] =
            if variables["DB_SECRET_ARN"].is_null() { &[] } else { &[(Some("HasDatabaseIam"), &own)] };
        if found != wanted {
            faults.push(format!(
                "{id}: may log in to the database otherwise than as {user} with DatabaseAuth=iam"
            ));
        }
    }
    if template["Conditions"]["HasDatabaseIam"] != json!({ "Fn::Equals": [{ "Ref": "DatabaseAuth" }, "iam"] })
    {
        faults.push("HasDatabaseIam: is not whether DatabaseAuth is iam".to_owned());
    }
    faults
}
