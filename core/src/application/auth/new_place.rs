//! What the owner of an account learns when somebody signs in at a place where the account was not used lately.

use crate::{
    application::tasks::security_mail::SecurityMail,
    domain::{Result, auth::NewSession},
    infrastructure::{repository::sessions::Opened, tx::Tx},
};

/// Starts a mail about a new session, if it is news to its user. In the transaction of the session, so that no session
/// is opened without it.
pub(super) async fn tell_of(tx: &mut Tx<'_>, new: &NewSession<'_>, opened: Opened) -> Result<()> {
    if opened.is_news {
        SecurityMail::about_session(new.user, new.id.as_str())?.write(tx).await?;
    }
    Ok(())
}
