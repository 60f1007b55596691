//! `cargo xtask users …`: who may do what.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use crate::operator::Place;
use crate::operator::message::plain;
use crate::ui;

/// What to do with users and roles.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Give a user a role. The user signs up first, like anybody.
    Grant {
        /// The user's address.
        email: String,
        /// As `roles` shows them; `admin` may do everything.
        role: String,
    },
    /// Take a role from a user.
    Revoke {
        /// The user's address.
        email: String,
        /// As `roles` shows them.
        role: String,
    },
    /// Show the roles, what each allows, and how many users have it.
    Roles,
}

#[derive(Deserialize)]
struct Roles {
    roles: Vec<Role>,
}

#[derive(Deserialize)]
struct Role {
    name: String,
    description: String,
    permissions: Vec<String>,
    users: u64,
}

#[derive(Deserialize)]
struct Change {
    user: String,
    changed: bool,
}

pub fn run(action: &Action, stack_name: Option<&str>) -> Result<()> {
    let place = Place::find(stack_name)?;
    match action {
        Action::Roles => {
            let answer: Roles = place.database(&json!({"command": "roles"}))?;
            answer.roles.iter().for_each(show);
            Ok(())
        }
        Action::Grant { email, role } => {
            change(&place, "role_grant", email, role, ["now has", "already has"])
        }
        Action::Revoke { email, role } => {
            change(&place, "role_revoke", email, role, ["no longer has", "did not have"])
        }
    }
}

fn show(role: &Role) {
    ui::out(&format!("{:<16} {} users  {}", plain(&role.name), role.users, plain(&role.description)));
    let permissions: Vec<String> = role.permissions.iter().map(|word| plain(word)).collect();
    ui::out(&format!("  {}", permissions.join(" ")));
}

/// `[now, already]`: what is said when something changed, and when it was so before.
fn change(place: &Place, command: &str, email: &str, role: &str, [now, already]: [&str; 2]) -> Result<()> {
    let event = json!({"command": command, "email": email, "role": role});
    let answer: Change = place.database(&event).context(
        "nothing was changed; the address must be one that has signed up, and `cargo xtask users roles` shows the roles",
    )?;
    let verb = if answer.changed { now } else { already };
    ui::out(&format!("{} {verb} the role {}", plain(&answer.user), plain(role)));
    Ok(())
}
