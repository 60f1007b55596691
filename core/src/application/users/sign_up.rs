//! Signing up, with an e-mail address or with a phone number.

use uuid::Uuid;

use super::Users;
use crate::{
    application::challenges::Challenges,
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::Client,
        users::{Handle, NewUser, PasswordHash, Phone, User, events::UserCreated},
    },
    infrastructure::{
        db::Sql,
        repository::{self, phones},
        tx::Tx,
    },
    telemetry::Metric,
};

/// Somebody new.
#[derive(Debug)]
pub struct SignUp {
    pub handle: Handle,
    pub password: PasswordHash,
    /// SHA-256 of the verifier of the client that signs up.
    pub binding: Option<[u8; 32]>,
}

/// What has become of somebody new.
#[derive(Debug)]
pub struct SignedUp {
    pub user: User,
    /// The number that the account has once it is proved.
    pub phone: Option<Phone>,
    /// The challenge that proves the address or the number.
    pub verification: Option<Uuid>,
}

impl Users<'_> {
    /// Creates a user in the caller's transaction, and asks for the mail or the text message that proves what they
    /// signed up with. A mail is asked for only by a client that can send its code back.
    ///
    /// # Errors
    /// `AlreadyExists` with `email`, or with `phone` when another user has proved the number.
    pub async fn sign_up(&self, tx: &mut Tx<'_>, new: &SignUp, client: Client<'_>) -> Result<SignedUp> {
        let challenges = Challenges { db: self.db, clock: self.clock };
        let SignUp { handle, password, binding } = new;
        match handle {
            Handle::Email(email) => {
                let new =
                    NewUser { email: Some(email.clone()), phone: None, password: Some(password.clone()) };
                let user = self.create(tx, &new, client).await?;
                let verification = match binding {
                    Some(_) => Some(challenges.ask_to_verify(tx, user.uuid, email, *binding).await?),
                    None => None,
                };
                Ok(SignedUp { user, phone: None, verification })
            }
            Handle::Phone(phone) => {
                let user = match add_by_phone(&*tx, phone, password).await? {
                    Added::New(user) => Self::created(tx, *user, client)?,
                    Added::Known(_) => return Err(Error::AlreadyExists("phone".into())),
                };
                let id = challenges.ask_for_phone(tx, user.uuid, phone, *binding).await?;
                Ok(SignedUp { user, phone: Some(phone.clone()), verification: Some(id) })
            }
        }
    }

    /// Creates a user in the caller's transaction, and emits the event `user_created`.
    ///
    /// # Errors
    /// `AlreadyExists` with `email` or `phone`.
    pub async fn create(&self, tx: &mut Tx<'_>, new: &NewUser, client: Client<'_>) -> Result<User> {
        let user = repository::users::create(&*tx, new).await?;
        Self::created(tx, user, client)
    }

    /// Notes that a user was created, and emits the event `user_created`.
    pub(super) fn created(tx: &mut Tx<'_>, user: User, client: Client<'_>) -> Result<User> {
        repository::audit::record(tx, &Entry::own(Action::SignUp, user.uuid, client.ip));
        tx.record(&UserCreated { uuid: user.uuid })?;
        Metric::SIGN_UPS.one("created");
        Ok(user)
    }
}

/// What has become of somebody who signs up.
pub(super) enum Added {
    New(Box<User>),
    /// This user has the address or the number.
    Known(Uuid),
}

/// Inserts a user who has a phone number in place of an address. If another user holds the number without a proof, the
/// new one gets it when it is proved. Runs the same number of statements in either case, and for a number that its
/// holder has proved, unless somebody else signs up with it at this moment.
pub(super) async fn add_by_phone(tx: &impl Sql, phone: &Phone, password: &PasswordHash) -> Result<Added> {
    let new = |phone| NewUser { email: None, phone, password: Some(password.clone()) };
    let holder = phones::holder(tx, phone).await?;
    let is_squatted = holder.is_some_and(|holder| !holder.is_proved);
    // Where the number is proved, the insert meets the index and does nothing.
    let first = new((!is_squatted).then(|| phone.clone()));
    // There is no address whose older forms the insert would have to look for.
    if let Some(user) = repository::users::create_unless_known(tx, &first, true).await? {
        return Ok(Added::New(Box::new(user)));
    }
    let holder = match holder {
        Some(holder) => Some(holder),
        // Somebody else has signed up with it at this moment: the insert has waited for them.
        None => phones::holder(tx, phone).await?,
    };
    match holder {
        Some(holder) if holder.is_proved => Ok(Added::Known(holder.user)),
        Some(_) | None => repository::users::create(tx, &new(None)).await.map(Box::new).map(Added::New),
    }
}
