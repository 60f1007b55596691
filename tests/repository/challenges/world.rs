//! A user, and what becomes of the secrets that are sent to them.

use std::sync::Arc;

use app_core::{
    application::challenges::{Presented, Redeemed},
    domain::auth::{
        Client,
        challenge::{Challenge, Code, Kind, LinkToken, Purpose},
    },
    infrastructure::{
        repository::challenges::{self, Asker, NewChallenge},
        security::{ChallengeKeys, sha256},
        tx::Tx,
    },
    testing::TestApp,
};
use serde_json::json;
use test_support::{endpoints::with_connections, verifier::VERIFIER};
use uuid::Uuid;

use crate::support::told;

pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) keys: Arc<ChallengeKeys>,
    pub(super) user: Uuid,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(1).await
    }

    /// With so many connections.
    pub(super) async fn with(connections: usize) -> Self {
        let app = with_connections(connections).await;
        let row = "insert into users (email, email_canonical) values ('Ada@Example.com', 'ada@example.com') returning uuid";
        let user = app.database.client().await.query_one(row, &[]).await.expect("a user").get(0);
        let keys = app.app.challenge_keys().await.expect("keys");
        Self { app, keys, user }
    }

    /// Asks for a verification, as the user or for an address that nobody has, and computes the secret as the worker
    /// does.
    pub(super) async fn asked(&self, user: Option<Uuid>) -> Challenge {
        let conn = self.app.app.db().expect("a database").conn().await.expect("a connection");
        let (id, binding, now) = (Uuid::now_v7(), sha256(VERIFIER), self.app.app.clock().now());
        let new = NewChallenge {
            id,
            purpose: Purpose::VerifyEmail,
            user,
            subject: "ada@example.com",
            data: &json!({}),
            binding: Some(&binding),
            now,
            expires_at: now + Purpose::VerifyEmail.lifetime(),
        };
        challenges::ask(&conn, &new).await.expect("a row");
        challenges::find_with_key(&conn, id, self.keys.kid()).await.expect("asked").expect("a row")
    }

    pub(super) fn link(&self, challenge: &Challenge) -> LinkToken {
        self.keys.link(challenge).expect("a link")
    }

    pub(super) fn code(&self, challenge: &Challenge) -> Code {
        self.keys.code(challenge, Kind::Letters).expect("a code")
    }

    /// Redeems by link, and returns `used`, or what the caller learns.
    pub(super) async fn by_link(&self, token: &LinkToken) -> String {
        self.redeem(&Presented::Link(token)).await
    }

    pub(super) async fn by_code(&self, challenge: &Challenge, code: &Code, asker: Asker) -> String {
        self.redeem(&Presented::Code { id: challenge.id, code, asker }).await
    }

    async fn redeem(&self, presented: &Presented<'_>) -> String {
        let challenges = self.app.app.challenges().expect("a database");
        let client = Client::default();
        let judged = match challenges.judge(&self.keys, Purpose::VerifyEmail, presented, client).await {
            Ok(judged) => judged,
            Err(error) => return told(&error),
        };
        let work = async |_: &mut Tx<'_>, _: &Redeemed<'_>| Ok(());
        match challenges.redeem(&judged, client, work).await {
            Ok(_) => "used".into(),
            Err(error) => told(&error),
        }
    }

    pub(super) async fn run(&self, statement: &str) {
        self.app.database.client().await.batch_execute(statement).await.expect("done");
    }
}
