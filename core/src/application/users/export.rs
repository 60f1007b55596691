//! A copy of all data about a user, for the user.

use uuid::Uuid;

use super::Users;
use crate::{
    domain::{
        Result,
        audit::{Action, Entry},
        auth::Client,
    },
    infrastructure::repository::{
        audit,
        personal::{self, Cursor, Page},
    },
};

impl Users<'_> {
    /// Returns the page of the export that begins at `cursor`. The audit log notes an export once an hour for each
    /// network address. Not at the first page only: a thief could begin with the second.
    pub async fn export(&self, user: Uuid, cursor: &Cursor, client: Client<'_>) -> Result<Page> {
        let conn = self.db.conn().await?;
        audit::record_hourly(&conn, &Entry::own(Action::DataExported, user, client.ip)).await?;
        personal::page(&conn, user, cursor).await
    }
}
