//! `cargo xtask users …`: who may do what, and in which form addresses are stored.

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
    /// Report addresses that are not stored in their canonical form.
    ///
    /// With --change, store them in it. Addresses whose canonical form belongs to another user are
    /// left as they are.
    Emails {
        /// Change what does not collide.
        #[arg(long)]
        change: bool,
    },
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

#[derive(Deserialize)]
struct Emails {
    rows: u64,
    changed: Vec<String>,
    collisions: Vec<Collision>,
    refused: Vec<String>,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Collision {
    user: String,
    with: Option<String>,
}

pub fn run(action: &Action, stack_name: Option<&str>) -> Result<()> {
    let place = Place::find(stack_name)?;
    match action {
        Action::Roles => {
            let answer: Roles = place.database(&json!({"command": "roles"}))?;
            answer.roles.iter().for_each(show);
            Ok(())
        }
        Action::Emails { change } => emails(&place, *change),
        Action::Grant { email, role } => {
            change(&place, "role_grant", email, role, ["now has", "already has"])
        }
        Action::Revoke { email, role } => {
            change(&place, "role_revoke", email, role, ["no longer has", "did not have"])
        }
    }
}

/// Calls until all rows have been looked at: one call does as much as the function has time for.
fn emails(place: &Place, change: bool) -> Result<()> {
    let (mut rows, mut changed, mut left, mut after) = (0, 0, 0, Some(0));
    while let Some(from) = after {
        let event = json!({"command": "emails_canonicalise", "change": change, "after": from});
        let report: Emails = place.database(&event)?;
        let verb = if change { "changed" } else { "would change" };
        for user in &report.changed {
            ui::out(&format!("{} {verb}", plain(user)));
        }
        for Collision { user, with } in &report.collisions {
            let other = with.as_deref().map_or_else(|| "another user".into(), plain);
            ui::out(&format!("{} collides with {other}", plain(user)));
        }
        for user in &report.refused {
            ui::out(&format!("{} has an address that is no longer accepted", plain(user)));
        }
        rows += report.rows;
        changed += report.changed.len();
        left += report.collisions.len() + report.refused.len();
        after = report.next;
    }
    let verb = if change { "changed" } else { "to change (with --change)" };
    ui::out(&format!("{rows} addresses: {changed} {verb}, {left} that you must look at"));
    Ok(())
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
