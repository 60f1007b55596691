//! `cargo xtask database-roles`: lets the function `migrate` make the roles of the database.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::operator::Place;
use crate::operator::message::plain;
use crate::ui;

#[derive(Deserialize)]
struct Made {
    roles: Vec<Role>,
    notices: Vec<String>,
}

#[derive(Deserialize)]
struct Role {
    name: String,
    password: String,
}

pub fn run(stack_name: &str, rotate: bool, whole_server: bool) -> Result<()> {
    let event = json!({ "command": "database_roles", "rotate": rotate, "whole_server": whole_server });
    let made: Made = Place::find(Some(stack_name))?.migrate(&event)?;
    for Role { name, password } in &made.roles {
        ui::out(&format!("{}: {}", plain(name), became(password)));
    }
    made.notices.iter().for_each(|notice| ui::say(&plain(notice)));
    Ok(())
}

fn became(password: &str) -> &'static str {
    match password {
        "new" => "it has a new password",
        "set" => "it has the password of its secret",
        "kept" => "its password was kept",
        _ => "it has no password, because it uses tokens",
    }
}
