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
    /// Returns the page of the export that begins at `cursor`. The audit log notes the first page.
    pub async fn export(&self, user: Uuid, cursor: &Cursor, client: Client<'_>) -> Result<Page> {
        let conn = self.db.conn().await?;
        if *cursor == Cursor::START {
            let entry = Entry::own(Action::DataExported, user, client.ip);
            audit::record_alone(&conn, &entry).await?;
        }
        personal::page(&conn, user, cursor).await
    }
}
