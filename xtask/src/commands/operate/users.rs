//! `cargo xtask users …`: grants and revokes roles; checks and changes addresses; cleans profiles.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use crate::operator::Place;
use crate::operator::message::plain;
use crate::ui;

/// The subcommands of `users`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Grant a role to a user, who must have signed up and confirmed the address before.
    Grant {
        /// The user's email address.
        email: String,
        /// The name of the role, from `roles`; `admin` allows everything.
        role: String,
    },
    /// Revoke a role of a user.
    Revoke {
        /// The user's email address.
        email: String,
        /// The name of the role, from `roles`.
        role: String,
    },
    /// Show all roles, what each one allows, and how many users have it.
    Roles,
    /// Report users whose address has no canonical form yet.
    ///
    /// With --change, it stores the canonical form next to the address. The address stays as it is. Users
    /// whose canonical form belongs to another user are not changed.
    Emails {
        /// Store the canonical forms that do not collide.
        #[arg(long)]
        change: bool,
    },
    /// Report users whose photo or texts the API no longer accepts.
    ///
    /// With --change, clean them: a photo that is not an https URL is removed, and a text of several lines
    /// becomes one line without control characters. No value is printed.
    Check {
        /// Clean the rows.
        #[arg(long)]
        change: bool,
    },
    /// Change the email address of a user.
    ///
    /// It is for users whose address `emails` reports as colliding or as no longer accepted.
    SetEmail {
        /// The uuid of the user, from `emails`.
        user: String,
        /// The new email address.
        address: String,
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
    filled: u64,
    changed: Vec<String>,
    collisions: Vec<Collision>,
    refused: Vec<String>,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Collision {
    user: String,
    with: String,
}

#[derive(Deserialize)]
struct Checked {
    rows: u64,
    refused: Vec<Refused>,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Refused {
    user: String,
    columns: Vec<String>,
}

pub fn run(action: &Action, stack_name: Option<&str>) -> Result<()> {
    let place = Place::find(stack_name)?;
    match action {
        Action::Roles => {
            let response: Roles = place.database(&json!({"command": "roles"}))?;
            response.roles.iter().for_each(show);
            Ok(())
        }
        Action::Emails { change } => emails(&place, *change),
        Action::Check { change } => check(&place, *change),
        Action::SetEmail { user, address } => set_email(&place, user, address),
        Action::Grant { email, role } => {
            let response = change(&place, "role_grant", email, role).context(
                "nothing was granted; the user must have signed up and confirmed the address with the link in the mail,\n\
                 and the role must be one of `cargo xtask users roles`",
            )?;
            tell(&response, role, ["now has", "already has"]);
            Ok(())
        }
        Action::Revoke { email, role } => {
            let response = change(&place, "role_revoke", email, role).context(
                "nothing was revoked; the user must have signed up, and the role must be one of \
                 `cargo xtask users roles`",
            )?;
            tell(&response, role, ["no longer has", "did not have"]);
            Ok(())
        }
    }
}

/// Calls until all rows have been looked at: one call does as much as the function has time for.
fn emails(place: &Place, change: bool) -> Result<()> {
    let (mut rows, mut filled, mut changed, mut left, mut after) = (0, 0, 0, 0, Some(0));
    while let Some(from) = after {
        let event = json!({"command": "emails_canonicalise", "change": change, "after": from});
        let report: Emails = place.database(&event)?;
        let verb = if change { "has" } else { "would get" };
        for user in &report.changed {
            ui::out(&format!("{} {verb} a canonical form that differs from its address", plain(user)));
        }
        for Collision { user, with } in &report.collisions {
            ui::out(&format!(
                "{} collides with {}, because both addresses mean the same mailbox",
                plain(user),
                plain(with)
            ));
        }
        for user in &report.refused {
            ui::out(&format!("{} has an address that is no longer accepted", plain(user)));
        }
        rows += report.rows;
        filled += report.filled;
        changed += report.changed.len();
        left += report.collisions.len() + report.refused.len();
        after = report.next;
    }
    let verb = if change { "were given" } else { "would get (with --change)" };
    ui::out(&format!(
        "{rows} addresses: {filled} {verb} the same canonical form, {changed} a different one, {left} none"
    ));
    if left > 0 {
        ui::out("change the addresses without one: `cargo xtask users set-email UUID ADDRESS`");
    }
    Ok(())
}

/// Calls until all rows have been looked at, like [`emails`].
fn check(place: &Place, change: bool) -> Result<()> {
    let (mut rows, mut found, mut after) = (0, 0, Some(0));
    while let Some(from) = after {
        let event = json!({"command": "profiles_check", "change": change, "after": from});
        let report: Checked = place.database(&event)?;
        for Refused { user, columns } in &report.refused {
            let columns: Vec<String> = columns.iter().map(|column| plain(column)).collect();
            ui::out(&format!("{}  {}", plain(user), columns.join(" ")));
        }
        rows += report.rows;
        found += report.refused.len();
        after = report.next;
    }
    let verb = if change { "were cleaned" } else { "would be cleaned (with --change)" };
    ui::out(&format!("{rows} users: {found} {verb}"));
    Ok(())
}

fn set_email(place: &Place, user: &str, address: &str) -> Result<()> {
    let event = json!({"command": "email_set", "user": user, "email": address});
    let response: Change = place
        .database(&event)
        .context("nothing was changed; the uuid must be that of a user, and the address must be free")?;
    let verb = if response.changed { "now has" } else { "already has" };
    ui::out(&format!("{} {verb} this address", plain(&response.user)));
    Ok(())
}

fn show(role: &Role) {
    ui::out(&format!("{:<16} {} users  {}", plain(&role.name), role.users, plain(&role.description)));
    let permissions: Vec<String> = role.permissions.iter().map(|word| plain(word)).collect();
    ui::out(&format!("  {}", permissions.join(" ")));
}

fn change(place: &Place, command: &str, email: &str, role: &str) -> Result<Change> {
    place.database(&json!({"command": command, "email": email, "role": role}))
}

/// Tells what became of a role. `[now, already]` are the texts for a change and for no change.
fn tell(response: &Change, role: &str, [now, already]: [&str; 2]) {
    let verb = if response.changed { now } else { already };
    ui::out(&format!("{} {verb} the role {}", plain(&response.user), plain(role)));
}
