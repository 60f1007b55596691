//! What goes when a user goes.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Erase, Linked, REGISTER, Rows};
use crate::{
    domain::Result,
    infrastructure::{
        db::Sql,
        repository::{column, place::Place},
    },
};

/// How many users are on a page.
pub const PAGE: usize = 100;

/// Whose data is erased without their being asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of users who have asked for it.
    Deleted,
    /// Of accounts that nobody has proved or used.
    Unused,
}

/// A user who may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The user, and when they asked for the deletion or signed up.
    pub place: Place,
    pub is_due: bool,
}

/// The condition that nobody has used an account and no administrator has touched it. The audit log shows it: a row of
/// the sign-up means that no later row about the user has been pruned. Users of the prototype have none, so they stay.
/// A valid link or code keeps the account, too. Another user's proof of its address or number does not.
const UNUSED: &str = "is_active and deleted_at is null
     and not exists (select from user_role where user_uuid = users.uuid)
     and not exists (select from challenge where user_uuid = users.uuid and expires_at > $1)
     and exists (select from audit_log where subject = users.uuid and action = 'sign_up' and outcome = 'success')
     and not exists (select from audit_log where subject = users.uuid and outcome = 'success'
                       and action not in ('sign_up', 'challenge_sent', 'email_taken', 'phone_taken'))
     and not exists (select from audit_log where actor = users.uuid and outcome = 'success' and action <> 'sign_up')";

impl Whose {
    /// Returns the next users, the earliest first, who have been candidates since `before` or longer: those behind `after`.
    pub async fn page(
        self,
        sql: &impl Sql,
        now: OffsetDateTime,
        before: OffsetDateTime,
        after: Option<Place>,
    ) -> Result<Vec<Candidate>> {
        let (since, user) = after.map(|after| (after.since, after.id)).unzip();
        let rows = sql.rows(&self.statement(), &[&now, &before, &since, &user]).await?;
        let read = |row| {
            let place = Place { since: column(row, "since")?, id: column(row, "uuid")? };
            Ok(Candidate { place, is_due: column(row, "is_due")? })
        };
        rows.iter().map(read).collect()
    }

    /// Returns the statement of a page. The limit comes before the look into other tables, or Postgres would plan that
    /// look for all candidates.
    pub fn statement(self) -> String {
        let (column_of, condition, is_due) = match self {
            // The parameters of both statements are the same.
            Self::Deleted => ("deleted_at", "true", "$1::timestamptz is not null"),
            Self::Unused => ("created_at", "email_verified_at is null and phone_verified_at is null", UNUSED),
        };
        format!(
            "select uuid, since, ({is_due}) as is_due
             from (select *, {column_of} as since from users
                   where {condition} and {column_of} <= $2
                     and ($3::timestamptz is null or ({column_of}, uuid) > ($3, $4))
                   order by {column_of}, uuid limit {PAGE}) as users
             order by since, uuid"
        )
    }
}

/// Deletes the row of a user if nobody has proved or used the account until now, and it is from `before` or older.
/// Returns whether the user was deleted.
///
/// The lock comes first: a sign-in or a proof at this moment either comes before it, and the second statement sees it,
/// or finds nobody.
pub async fn erase_unused(
    tx: &impl Sql,
    user: Uuid,
    now: OffsetDateTime,
    before: OffsetDateTime,
) -> Result<bool> {
    tx.execute("select from users where uuid = $1 for update", &[&user]).await?;
    let text = format!(
        "delete from users where uuid = $2 and created_at <= $3
           and email_verified_at is null and phone_verified_at is null and {UNUSED}"
    );
    Ok(tx.execute(&text, &[&now, &user, &before]).await? > 0)
}

/// Deletes the row of a user who asked for it no later than `before`. One statement decides: a restore at this
/// moment either comes first, and nothing is deleted, or finds nobody. Returns whether the user was deleted.
pub async fn erase_account(tx: &impl Sql, user: Uuid, before: OffsetDateTime) -> Result<bool> {
    let text = "delete from users where uuid = $1 and deleted_at <= $2";
    Ok(tx.execute(text, &[&user, &before]).await? > 0)
}

/// Removes what a user leaves in other tables, as the register says. Returns how many rows of each table.
///
/// The user's row is deleted before, in the same transaction: a sign-in at this moment waits for that row, and
/// then opens no session. This statement begins after the wait, so it sees what was committed meanwhile.
pub async fn erase(tx: &impl Sql, user: Uuid) -> Result<Map<String, Value>> {
    let row = tx.row(&ERASE, &[&user]).await?;
    let mut erased = Map::new();
    if let Some(row) = row {
        for (table, count) in TABLES.iter().zip(column::<Vec<i64>>(&row, "counts")?) {
            let counted = erased.get(*table).and_then(Value::as_i64).unwrap_or(0);
            erased.insert((*table).to_owned(), (counted + count).into());
        }
    }
    Ok(erased)
}

/// The parts that [`erase`] has a statement for, with their tables.
fn statements() -> impl Iterator<Item = (&'static str, String)> {
    REGISTER.iter().filter_map(|part| match &part.rows {
        Rows::Linked(linked) => Some((part.table, statement(part.table, linked)?)),
        Rows::Unlinked { .. } => None,
    })
}

static TABLES: LazyLock<Vec<&str>> = LazyLock::new(|| statements().map(|(table, _)| table).collect());

/// All in one round trip.
static ERASE: LazyLock<String> = LazyLock::new(|| {
    let statements = statements().enumerate();
    let (with, counts): (Vec<_>, Vec<_>) = statements
        .map(|(n, (_, statement))| {
            (format!("part_{n} as ({statement} returning 1)"), format!("(select count(*) from part_{n})"))
        })
        .unzip();
    format!("with {} select array[{}] as counts", with.join(",\n"), counts.join(", "))
});

fn statement(table: &str, linked: &Linked) -> Option<String> {
    let whose = linked.whose;
    match linked.erase {
        Erase::Account | Erase::Cascade | Erase::Keep(_) | Erase::Stay(_) => None,
        Erase::Delete => Some(format!("delete from {table} where {whose}")),
        Erase::DeleteUnlocked => Some(format!(
            "delete from {table} where ctid = any(array(
               select ctid from {table} where {whose} for update skip locked)) and {whose}"
        )),
        Erase::Empty { set, only, .. } => Some(format!("update {table} set {set} where {whose} and {only}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Key, *};

    #[test]
    fn rows_that_stay_have_no_statement() {
        let of = |erase| {
            let (whose, note, key) = ("user_uuid = $1", "purchases", Key::Text("id::text"));
            statement("purchases", &Linked { whose, note, exported: &[], withheld: &[], key, erase })
        };
        assert_eq!(of(Erase::Stay("the tax office asks for them")), None);
        assert_eq!(of(Erase::Delete).as_deref(), Some("delete from purchases where user_uuid = $1"));
    }
}
