//! A server and the secrets of its logins, whose roles the function `migrate` makes.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use app_core::{
    config::{AwsConfig, DatabaseConfig, DatabaseLogin, DatabaseRolesConfig, Login},
    domain::mask::Secret,
    infrastructure::{
        database_roles::{DatabaseRoles, Made, Wishes},
        db::Sql,
    },
    testing::setting,
};
use aws_sdk_secretsmanager::Client;
use serde_json::{Value, json};
use test_support::{aws, wire::database::wait};
use uuid::Uuid;
use xtask::runtime_api::{Function, Outcome};

use crate::{database_server::pool, server::Server};

/// What roles.sql decides: one text a row.
const FACTS: [&str; 7] = [
    "select concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
         rolbypassrls, rolconnlimit, rolvaliduntil, left(rolpassword, 18))
     from pg_authid where rolname in ('migrator', 'app', 'operations')",
    "select concat_ws(' ', datname, setrole::regrole, setconfig)
     from pg_db_role_setting left join pg_database on pg_database.oid = setdatabase",
    "select concat_ws(' ', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl)
     from pg_default_acl",
    "select concat_ws(' ', datname, datacl) from pg_database",
    "select concat_ws(' ', nspname, nspacl) from pg_namespace where nspname = 'public'",
    "select concat_ws(' ', roleid::regrole, member::regrole, admin_option) from pg_auth_members
     where roleid::regrole::text in ('migrator', 'app', 'operations')",
    "select concat_ws(' ', oid::regprocedure, proacl) from pg_proc
     where pronamespace = 'pg_catalog'::regnamespace and proacl is not null",
];

pub(super) fn texts(server: &Server, query: &str) -> Vec<String> {
    let db = pool(server.config("app", |logins| &logins.administrator));
    let rows = wait(async { db.conn().await.expect("a connection").rows(query, &[]).await }).expect(query);
    let mut all: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    all.sort();
    all
}

pub(super) fn facts(server: &Server) -> Vec<Vec<String>> {
    FACTS.iter().map(|query| texts(server, query)).collect()
}

/// What the server has stored of each password.
pub(super) fn stored(server: &Server) -> Vec<String> {
    let query = "select rolname || ' ' || rolpassword from pg_authid where rolname in ('migrator', 'app', 'operations')";
    let all = texts(server, query);
    assert_eq!(all.len(), 3, "each role has a password");
    all
}

pub(super) fn execute(server: &Server, database: &str, statement: &str) {
    let db = pool(server.config(database, |logins| &logins.administrator));
    wait(async { db.conn().await.expect("a connection").execute(statement, &[]).await }).expect(statement);
}

/// A stack that has a server and secrets, and no roles yet.
pub(super) struct Stack {
    pub(super) server: Server,
    pub(super) secrets: BTreeMap<&'static str, String>,
    /// Every password that was in a secret.
    seen: Vec<String>,
    /// Every line that the function printed.
    lines: Vec<String>,
}

impl Stack {
    /// The secrets of the roles have no value.
    pub(super) fn new(server: Server, administrator: &Value) -> Self {
        let client = Client::new(&aws::config());
        let name = format!("roles-{}", Uuid::new_v4().simple());
        let create = |role: &str, value: Option<String>| {
            let request = client.create_secret().name(format!("{name}-{role}")).set_secret_string(value);
            wait(request.send()).expect("a secret").arn.expect("its ARN")
        };
        let roles = ["migrator", "app", "operations"].map(|role| (role, create(role, None)));
        let mut secrets = BTreeMap::from(roles);
        secrets.insert("administrator", create("administrator", Some(administrator.to_string())));
        let mut stack = Self { server, secrets, seen: Vec::new(), lines: Vec::new() };
        stack.see("administrator");
        stack
    }

    pub(super) fn value(&self, role: &str) -> Value {
        let read = Client::new(&aws::config()).get_secret_value().secret_id(&self.secrets[role]);
        let text = wait(read.send()).expect("a value").secret_string.expect("a text");
        serde_json::from_str(&text).expect("JSON")
    }

    fn see(&mut self, role: &str) {
        let password = self.value(role)["password"].as_str().expect("a password").to_owned();
        assert!(password.len() >= 16, "{role}: too short to be found by chance");
        self.seen.push(password);
    }

    pub(super) fn put(&self, role: &str, value: &Value) {
        let put = Client::new(&aws::config()).put_secret_value().secret_id(&self.secrets[role]);
        wait(put.secret_string(value.to_string()).send()).expect("written");
    }

    /// Invokes the real function, with the most talkative log.
    pub(super) fn call(&mut self, event: &Value) -> Result<Value, String> {
        let of = |name: &str| self.secrets[name].clone();
        let settings = [
            ("LAUNCH_MODE", "TEST".to_owned()),
            ("PROJECT_NAME", "APP".to_owned()),
            ("LOG_LEVEL", "trace".to_owned()),
            ("AWS_ENDPOINT_URL", setting("AWS_ENDPOINT_URL")),
            ("DB_HOST", "127.0.0.1".to_owned()),
            ("DB_PORT", self.server.port().to_string()),
            ("DB_NAME", "app".to_owned()),
            ("DB_SECRET_ARN", of("migrator")),
            ("APP_SECRET_ARN", of("app")),
            ("OPERATIONS_SECRET_ARN", of("operations")),
            ("ADMINISTRATOR_SECRET_ARN", of("administrator")),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value));
        let binary = PathBuf::from(setting("BIN_DIR")).join("migrate");
        let mut function = Function::spawn(&binary, &settings).expect("it starts");
        let outcome = function.invoke(&event.to_string(), Duration::from_secs(120)).expect("an outcome");
        self.lines.extend(function.finish());
        match outcome {
            Outcome::Response(text) => {
                self.lines.push(text.clone());
                Ok(serde_json::from_str(&text).expect("JSON"))
            }
            Outcome::Error { message, .. } => {
                self.lines.push(message.clone());
                Err(message)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Makes the roles without the function, which would need TLS for tokens.
    pub(super) fn make_here(&self, tokens: bool, rotate: bool) -> Result<Made, String> {
        let aws = AwsConfig {
            region: setting("AWS_REGION"),
            endpoint_url: Some(setting("AWS_ENDPOINT_URL")),
            access_key_id: "test".to_owned(),
            secret_access_key: Secret::new("test".to_owned()),
            session_token: None,
        };
        let mut config = self.server.config("app", |logins| &logins.migrator);
        if tokens {
            config.login = DatabaseLogin::Iam { user: "migrator".to_owned(), aws: aws.clone() };
        }
        let of = |role: &str| self.secrets[role].clone();
        let secrets = DatabaseRolesConfig {
            administrator: of("administrator"),
            migrator: of("migrator"),
            app: of("app"),
            operations: of("operations"),
        };
        let wishes = Wishes { rotate, whole_server: false };
        wait(DatabaseRoles::new(config, secrets, aws).make(wishes)).map_err(|error| error.chain())
    }

    /// Counts the users, with the login of the functions.
    pub(super) fn users(&self) -> i64 {
        let password = self.value("app")["password"].as_str().expect("a password").to_owned();
        let login = Login::Inline { user: "app".to_owned(), password: Secret::new(password) }.into();
        let db = pool(DatabaseConfig { login, ..self.server.config("app", |logins| &logins.app) });
        let query = "select count(*) from users";
        wait(async { db.conn().await?.rows(query, &[]).await }).expect("app may log in")[0].get(0)
    }

    /// Makes the roles. Returns what became of the passwords of migrator, app and operations, and the notices.
    pub(super) fn make(&mut self, more: &Value) -> ([String; 3], String) {
        let mut event = json!({"command": "database_roles"});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let made = self.call(&event).expect("the roles are made");
        ["migrator", "app", "operations"].iter().for_each(|role| self.see(role));
        let roles = made["roles"].as_array().expect("roles");
        let passwords = ["migrator", "app", "operations"].map(|role| {
            let of = roles.iter().find(|one| one["name"] == role).expect(role);
            of["password"].as_str().expect("a word").to_owned()
        });
        (passwords, made["notices"].to_string())
    }

    /// No password is in a line of the function, in a response, or in a line of the server.
    pub(super) fn says_no_password(&self) {
        let server = self.server.log();
        assert!(self.seen.len() > 3 && self.lines.len() > 10 && !server.is_empty());
        for password in &self.seen {
            let line = self.lines.iter().find(|line| line.contains(password));
            assert_eq!(line, None);
            let line = server.lines().find(|line| line.contains(password));
            assert_eq!(line, None);
        }
    }
}
