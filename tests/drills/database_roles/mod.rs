//! The function `migrate` makes the roles of an empty server, as psql does with migrations/roles.sql.

mod stack;

use app_core::infrastructure::database_roles::Password;
use aws_sdk_secretsmanager::Client;
use serde_json::{Value, json};
use test_support::{aws, wire::database::wait};

use self::stack::{Stack, execute, facts, stored, texts};
use crate::{alone, server::Server};

fn all(word: &str) -> [String; 3] {
    [word, word, word].map(str::to_owned)
}

#[test]
fn the_function_makes_the_same_roles_as_the_script_and_a_second_run_changes_no_password() {
    let _alone = alone();
    let by_hand = {
        let server = Server::start();
        server.make_roles("app", true);
        facts(&server)
    };
    let server = Server::start();
    execute(&server, "postgres", "create database app");
    let logins = server.login(|logins| &logins.administrator);
    let mut stack = Stack::new(server, &json!({"username": logins.user, "password": logins.password}));
    let whole = json!({"whole_server": true});
    assert_eq!(stack.make(&whole).0, all("new"));
    assert_eq!(facts(&stack.server), by_hand);
    for role in ["migrator", "app", "operations"] {
        assert_eq!(stack.value(role)["username"], role);
    }
    let before = stored(&stack.server);

    // The logins work: the schema is made by the one, and read by the other.
    let applied = stack.call(&json!({"command": "up"})).expect("the migrations apply");
    assert!(applied["changed"].as_array().is_some_and(|all| all.len() > 40), "{applied}");
    assert_eq!(stack.users(), 0);

    assert_eq!(stack.make(&whole).0, all("kept"));
    assert_eq!(stored(&stack.server), before);

    // As after a run that died between the secret and the database: the secret has what the database does not know.
    let half = json!({"username": "app", "password": "only-in-the-secret-yet", "host": "db.example"});
    stack.put("app", &half);
    assert_eq!(stack.make(&whole).0, ["kept", "set", "kept"].map(str::to_owned));
    assert_eq!(stack.value("app"), half);
    assert_eq!(stack.users(), 0);

    // As after DatabaseAuth=iam: RDS refuses the passwords of members of this role.
    execute(&stack.server, "app", "create role rds_iam");
    execute(&stack.server, "app", "grant rds_iam to migrator, app, operations");
    const MEMBERS: &str =
        "select member::regrole::text from pg_auth_members where roleid = 'rds_iam'::regrole";
    assert_eq!(texts(&stack.server, MEMBERS).len(), 3);
    assert_eq!(stack.make(&json!({"whole_server": true, "rotate": true})).0, all("new"));
    assert_eq!(texts(&stack.server, MEMBERS), [""; 0]);
    assert_eq!(stack.value("app")["host"], "db.example");
    assert_ne!(stack.value("app")["password"], half["password"]);
    let after = stored(&stack.server);
    assert!(before.iter().all(|old| !after.contains(old)), "every password is new");
    stack.says_no_password();
}

/// A server whose administrator is no superuser, and cannot switch off the log, as in a managed database.
fn managed() -> Server {
    let server = Server::start();
    execute(&server, "postgres", "create role boss login createrole password 'hardly-anybody-knows-it'");
    execute(&server, "postgres", "create database app owner boss");
    execute(&server, "postgres", "alter database app set log_statement = 'all'");
    server
}

fn boss() -> Value {
    json!({"username": "boss", "password": "hardly-anybody-knows-it"})
}

#[test]
fn a_server_that_logs_every_statement_sees_no_password() {
    let _alone = alone();
    let by_hand = {
        let server = managed();
        server.make_roles_as("boss", "app");
        facts(&server)
    };
    let wrong = json!({"username": "boss", "password": "not-the-password-of-boss"});
    let mut stack = Stack::new(managed(), &wrong);
    // A wrong administrator changes nothing.
    let refused = stack.call(&json!({"command": "database_roles"})).expect_err("refused");
    assert!(refused.contains("password authentication failed for user \"boss\""), "{refused}");
    let unwritten = Client::new(&aws::config()).get_secret_value().secret_id(&stack.secrets["app"]);
    let unwritten = wait(unwritten.send()).ok().and_then(|response| response.secret_string);
    assert!(unwritten.is_none(), "no secret was written");

    stack.put("administrator", &boss());
    let (passwords, notices) = stack.make(&json!({}));
    assert_eq!(passwords, all("new"));
    assert_eq!(facts(&stack.server), by_hand);
    for notice in ["log_statement stays as it is", "every login may execute lo_create", "NOTICE: "] {
        assert!(notices.contains(notice), "{notice}: {notices}");
    }
    let log = stack.server.log();
    let statement = "alter role app with login password 'SCRAM-SHA-256$4096:";
    assert!(log.contains(statement), "the server does not log this statement, so it shows nothing");
    stack.call(&json!({"command": "up"})).expect("the migrations apply");
    assert_eq!(stack.make(&json!({"rotate": true})).0, all("new"));

    // An administrator who may no longer change roles.
    execute(&stack.server, "postgres", "alter role boss nocreaterole");
    let before = (stack.value("app"), stored(&stack.server));
    stack.call(&json!({"command": "database_roles", "rotate": true})).expect_err("no right");
    assert_eq!((stack.value("app"), stored(&stack.server)), before);
    stack.says_no_password();
}

/// Otherwise a secret could have the password of one run, and the database that of the other.
#[test]
fn runs_at_once_wait_for_one_another_and_a_rotation_is_not_disturbed() {
    let _alone = alone();
    let stack = Stack::new(managed(), &boss());
    let made = std::thread::scope(|scope| {
        let runs =
            [(); 2].map(|()| scope.spawn(|| stack.make_here(false, false).expect("the roles are made")));
        runs.map(|run| {
            run.join().expect("no panic").roles.iter().map(|role| role.password).collect::<Vec<_>>()
        })
    });
    assert!(made.contains(&vec![Password::New; 3]) && made.contains(&vec![Password::Kept; 3]), "{made:?}");

    // As the function does that rotates a password, before it changes the database.
    let before = (stack.value("app"), stored(&stack.server));
    let begun = Client::new(&aws::config()).put_secret_value().secret_id(&stack.secrets["app"]);
    let begun =
        begun.secret_string(r#"{"username": "app", "password": "soon"}"#).version_stages("AWSPENDING");
    wait(begun.send()).expect("a version that waits");
    let refused = stack.make_here(false, true).expect_err("a rotation has begun");
    assert!(refused.contains("a rotation of the secret"), "{refused}");
    assert_eq!((stack.value("app"), stored(&stack.server)), before);
    stack.make_here(false, false).expect("what changes no password is no matter of the rotation");
}

/// RDS refuses the password of each member of `rds_iam`, also of an indirect one.
#[test]
fn an_administrator_keeps_its_password_when_the_roles_use_tokens() {
    let _alone = alone();
    let stack = Stack::new(managed(), &boss());
    let administrator = |statement: &str| execute(&stack.server, "app", statement);
    administrator("create role rds_iam");
    administrator("grant rds_iam to boss with admin true, inherit false, set false");
    const MEMBERS: &str = "select concat_ws(' ', roleid::regrole, member::regrole) from pg_auth_members
        where (inherit_option or set_option) and roleid >= 16384";
    for _ in 0..2 {
        stack.make_here(true, false).expect("the roles are made");
        let members = ["rds_iam app", "rds_iam migrator", "rds_iam operations"];
        assert_eq!(texts(&stack.server, MEMBERS), members);
    }
    administrator("create role team");
    administrator("grant app to team");
    administrator("grant team to boss");
    let refused = stack.make_here(true, false).expect_err("a member");
    assert!(refused.contains("boss is a member of migrator, app or operations"), "{refused}");
    administrator("revoke team from boss");
    administrator("revoke app from team");

    // A server that counts also memberships that only allow to grant the role: Postgres itself does.
    stack.make_here(false, false).expect("passwords again");
    assert_eq!(texts(&stack.server, MEMBERS), [""; 0]);
    administrator("create role chief login superuser password 'hardly-anybody-knows-it'");
    administrator("grant app to chief with admin true, inherit false, set false");
    let file = texts(&stack.server, "select setting from pg_settings where name = 'hba_file'").remove(0);
    let rules = std::fs::read_to_string(&file).expect("its rules");
    std::fs::write(&file, format!("host all +rds_iam all reject\n{rules}")).expect("a rule more");
    administrator("select pg_reload_conf()");
    stack.put("administrator", &json!({"username": "chief", "password": "hardly-anybody-knows-it"}));
    for _ in 0..2 {
        let refused = stack.make_here(true, false).expect_err("locked out");
        assert!(refused.contains("would lock out the administrator"), "{refused}");
        assert_eq!(texts(&stack.server, MEMBERS), [""; 0]);
    }
}
