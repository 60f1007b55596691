//! Table `users`: the columns that users fill with texts.

use uuid::Uuid;

use super::column;
use crate::{
    domain::{
        Result,
        users::{Mend, profile_texts},
    },
    infrastructure::db::Sql,
};

/// Returns the columns of [`profile_texts`], separated by commas.
fn columns() -> String {
    profile_texts().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// The texts of a stored profile.
#[derive(Debug)]
pub struct Profile {
    pub id: i64,
    pub user: Uuid,
    /// In the order of [`profile_texts`].
    texts: Vec<Option<String>>,
}

impl Profile {
    /// Returns the profile with values that the API accepts.
    #[must_use]
    pub fn cleaned(&self) -> Self {
        let clean = |((_, mend), text): ((_, Mend), &Option<String>)| text.clone().and_then(mend);
        Self { id: self.id, user: self.user, texts: profile_texts().zip(&self.texts).map(clean).collect() }
    }

    /// Returns the names of the columns that differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = profile_texts().zip(self.texts.iter().zip(&other.texts));
        pairs.filter(|(_, (own, others))| own != others).map(|((name, _), _)| name).collect()
    }
}

/// Returns the profiles of the next users behind the id `after`.
pub async fn after(sql: &impl Sql, after: i64, limit: i64) -> Result<Vec<Profile>> {
    let text = format!(
        "select id, uuid, array[{}]::text[] as texts from users where id > $1 order by id limit $2",
        columns()
    );
    let rows = sql.rows(&text, &[&after, &limit]).await?;
    let profile = |row| {
        Ok(Profile { id: column(row, "id")?, user: column(row, "uuid")?, texts: column(row, "texts")? })
    };
    rows.iter().map(profile).collect()
}

/// Stores `new` in the place of `old`. Returns whether `old` was still there.
pub async fn replace(sql: &impl Sql, old: &Profile, new: &Profile) -> Result<bool> {
    let set: Vec<String> =
        (1..).zip(profile_texts()).map(|(n, (column, _))| format!("{column} = ($3::text[])[{n}]")).collect();
    let text = format!(
        "update users set {}, updated_at = now() where id = $1 and array[{}]::text[] = $2",
        set.join(", "),
        columns()
    );
    Ok(sql.execute(&text, &[&old.id, &old.texts, &new.texts]).await? > 0)
}
