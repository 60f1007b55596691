//! `cargo xtask deploy`, against the emulator.
//!
//! A stack of a test has its own name and database, and the real binaries.

mod build;
mod order;
mod preflight;

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};
use uuid::Uuid;
use xtask::{checkout::Checkout, delivery::folder, product, stack::TEST};

use crate::{
    operator::xtask,
    support::{database, setting},
};

/// Runs Python with boto3, and returns what it prints.
pub(crate) fn aws(code: &str, argument: &Value) -> Value {
    let code = format!(
        "import boto3, json, sys\ngiven = json.loads(sys.argv[1])\n{code}\nprint(json.dumps(result))"
    );
    let mut python = Command::new(setting("TEST_PYTHON"));
    let python =
        python.args(["-c", &code, &argument.to_string()]).env("AWS_DEFAULT_REGION", setting("AWS_REGION"));
    let output = python.output().expect("Python runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", errors(&output)))
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes a secret, or replaces its value, and returns its ARN.
fn secret(name: &str, value: &str, key: Option<&str>) -> String {
    let code = "
client, more = boto3.client('secretsmanager'), {'KmsKeyId': given['key']} if given['key'] else {}
try:
    result = client.create_secret(Name=given['name'], SecretString=given['value'], **more)['ARN']
except client.exceptions.ResourceExistsException:
    result = client.put_secret_value(SecretId=given['name'], SecretString=given['value'])['ARN']";
    let arn = aws(code, &json!({ "name": name, "value": value, "key": key }));
    arn.as_str().expect("an ARN").to_owned()
}

/// Copies the secrets of the stack of the tests, and returns the ARNs and the values of the copies.
fn copies(stack: &str) -> BTreeMap<String, (String, String)> {
    let code = "
client, result = boto3.client('secretsmanager'), {}
for name in ['database/app', 'database/migrator', 'database/operations', 'mail']:
    value = client.get_secret_value(SecretId=given['of'] + '/' + name)['SecretString']
    arn = client.create_secret(Name=given['stack'] + '/' + name, SecretString=value)['ARN']
    result[name] = [arn, value]";
    let of = format!("{}/{TEST}", product::NAME);
    serde_json::from_value(aws(code, &json!({ "of": of, "stack": stack }))).expect("secrets")
}

/// A stack that a test deploys. It ends with the test.
pub(crate) struct Place {
    pub(crate) stack: String,
    folder: PathBuf,
    pub(crate) parameters: BTreeMap<String, String>,
    secrets: BTreeMap<String, (String, String)>,
    is_deployed: Cell<bool>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let stack = format!("deploy-{}", &Uuid::new_v4().simple().to_string()[..12]);
        let folder = std::env::temp_dir().join(&stack);
        fs::create_dir_all(&folder).expect("a folder");
        let url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
        let secrets = copies(&stack);
        let arn = |name: &str| secrets[name].0.clone();
        let parameters = [
            ("LaunchMode", "TEST".to_owned()),
            ("Architecture", if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }.to_owned()),
            ("AwsEndpointUrl", setting("AWS_ENDPOINT_URL")),
            ("DatabaseHost", "127.0.0.1".to_owned()),
            ("DatabasePort", url.get_ports()[0].to_string()),
            ("DatabaseName", stack.replace('-', "_")),
            ("DatabaseSecretArn", arn("database/app")),
            ("MigratorSecretArn", arn("database/migrator")),
            ("OperationsSecretArn", arn("database/operations")),
            ("MailUrlArn", arn("mail")),
            ("MailFrom", "no-reply@app.example".to_owned()),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        Self { stack, folder, parameters, secrets, is_deployed: Cell::new(false) }
    }

    /// A stack whose functions are built.
    fn built_once() -> Self {
        let place = Self::new();
        place.build(|_| String::new());
        place
    }

    /// Makes an empty database, and returns its name.
    async fn create_database(&self) -> &str {
        let name = &self.parameters["DatabaseName"];
        database().await.batch_execute(&format!("create database {name}")).await.expect("a database");
        name
    }

    /// Makes an empty database, in which each login has the rights of migrations/roles.sql.
    pub(crate) async fn with_database(self) -> Self {
        let name = self.create_database().await;
        let own = self.database().await;
        let rights = format!(
            "grant create on database {name} to migrator;
            grant usage, create on schema public to migrator;
            grant usage on schema public to app, operations;
            alter default privileges for role migrator in schema public
                grant select, insert, update, delete on tables to app"
        );
        own.batch_execute(&rights).await.expect("rights");
        self
    }

    /// Makes an empty database. The stack knows its administrator, so a deployment makes the rights.
    pub(super) async fn with_administrator(mut self) -> Self {
        self.create_database().await;
        let url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
        let password = String::from_utf8_lossy(url.get_password().expect("a password"));
        let login = json!({ "username": url.get_user().expect("a user"), "password": password });
        let arn = secret(&format!("{}/database/administrator", self.stack), &login.to_string(), None);
        self.parameters.insert("AdministratorSecretArn".to_owned(), arn);
        self
    }

    pub(crate) async fn database(&self) -> tokio_postgres::Client {
        let mut url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
        url.dbname(&self.parameters["DatabaseName"]);
        let (client, connection) = url.connect(tokio_postgres::NoTls).await.expect("the database");
        tokio::spawn(connection);
        client
    }

    fn built(&self) -> PathBuf {
        self.folder.join("build")
    }

    /// Writes what `cargo xtask build` would write, with scripts that run the binaries of the tests. `line` is a line
    /// of the script of each function.
    pub(crate) fn build(&self, line: impl Fn(&str) -> String) {
        let checkout = Checkout::find().expect("this checkout");
        let template = fs::read_to_string(checkout.root().join("template.yaml")).expect("the template");
        let programs = self.folder.join("programs");
        fs::create_dir_all(&programs).expect("a folder");
        let script = |name: &str| {
            let path = programs.join(name);
            let text = format!("#!/bin/sh\n{}\nexec '{}/{name}'\n", line(name), setting("BIN_DIR"));
            fs::write(&path, text).expect("a script");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
            Some(path)
        };
        assert_eq!(folder::write(&template, &self.built(), false, script).expect("a folder"), [""; 0]);
    }

    /// Calls a command for the environment `test` of a samconfig.toml with these parameters.
    pub(crate) fn call(&self, words: &[&str]) -> Output {
        let overrides: Vec<_> =
            self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let config = format!(
            "[test.deploy.parameters]\nstack_name = {:?}\nregion = {:?}\ntags = \"Project=app\"\nparameter_overrides = {}\n",
            self.stack,
            setting("AWS_REGION"),
            json!(overrides),
        );
        let path = self.folder.join("samconfig.toml");
        fs::write(&path, config).expect("the configuration");
        let mut command = xtask();
        command.args(words).arg("--config").arg(path).output().expect("xtask runs")
    }

    pub(crate) fn deploy(&self, more: &[&str]) -> Output {
        let built = self.built();
        let output = self.call(&[&["deploy", "test", "--built", &built.to_string_lossy()], more].concat());
        if errors(&output).contains("updating the stack") {
            self.is_deployed.set(true);
        }
        output
    }

    /// The hash of each deployed function's code, without the stack's name.
    pub(crate) fn code(&self) -> BTreeMap<String, String> {
        let code = "
pages = boto3.client('lambda').get_paginator('list_functions').paginate()
all = [one for page in pages for one in page['Functions']]
result = {one['FunctionName'][len(given):]: one['CodeSha256'] for one in all if one['FunctionName'].startswith(given)}";
        serde_json::from_value(aws(code, &json!(format!("{}-", self.stack)))).expect("hashes")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let code = "
client = boto3.client('cloudformation')
client.delete_stack(StackName=given)
client.get_waiter('stack_delete_complete').wait(StackName=given, WaiterConfig={'Delay': 0.2, 'MaxAttempts': 300})
result = None";
        if self.is_deployed.get() {
            let _ = std::panic::catch_unwind(|| aws(code, &json!(self.stack)));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
