//! One test's world: a database, queues, and what happened in it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use app_core::testing::relaxed_limits;
use serde_json::json;
use uuid::Uuid;

use super::{
    database::Database,
    ledger,
    queues::{Queue, Queues},
};

/// High: in a sweep many deliveries of one message are meant to fail.
const MAX_RECEIVE_COUNT: u32 = 100;

#[derive(Debug)]
pub struct World {
    pub database: Database,
    pub queues: Queues,
    max_receive_count: u32,
    /// Settings of this world's functions in addition to the usual ones.
    pub more: Vec<(&'static str, String)>,
    /// Every body that a mapping has taken from the events queue.
    pub told: Mutex<Vec<String>>,
    /// Bodies that were published a second time on purpose.
    pub copied: Mutex<HashSet<String>>,
    /// Which process was killed where, and over which messages or requests.
    pub kills: Mutex<Vec<(String, String)>>,
}

impl World {
    #[expect(clippy::new_without_default, reason = "it creates a database")]
    pub fn new() -> Self {
        Self::on(Database::create())
    }

    pub fn on(database: Database) -> Self {
        Self::with_receives(database, MAX_RECEIVE_COUNT)
    }

    /// Where a message goes to the dead-letter queue after so many receives.
    pub fn with_receives(database: Database, max_receive_count: u32) -> Self {
        database.run(ledger::SCRIPT);
        Self {
            database,
            queues: Queues::create(max_receive_count),
            max_receive_count,
            more: Vec::new(),
            told: Mutex::default(),
            copied: Mutex::default(),
            kills: Mutex::default(),
        }
    }

    /// What every function of this world is started with; its proxies say where things are.
    pub fn settings(&self) -> Vec<(String, String)> {
        let own = [
            ("LAUNCH_MODE", "TEST".to_owned()),
            ("PROJECT_NAME", "APP".to_owned()),
            ("SECRET_KEY", "a key for tests, of 32 bytes or more".to_owned()),
            ("HMAC_KEY", "a key for tests, of 32 bytes or more".to_owned()),
            ("CHALLENGE_KEYS", "a key for tests, of 32 bytes or more".to_owned()),
            ("LOG_LEVEL", "info".to_owned()),
            ("EVENTS_QUEUE_URL", self.queues.url(Queue::Events).to_owned()),
            ("TASKS_QUEUE_URL", self.queues.url(Queue::Tasks).to_owned()),
            ("MAIL_QUEUE_URL", self.queues.url(Queue::Mail).to_owned()),
            ("OUTBOX_OWN_LEASE_SECONDS", "1".to_owned()),
            ("OUTBOX_LEASE_SECONDS", "2".to_owned()),
            ("MAX_RECEIVE_COUNT", self.max_receive_count.to_string()),
        ];
        let all = own
            .into_iter()
            .chain(relaxed_limits())
            .chain(self.database.settings())
            .chain(self.more.iter().cloned());
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    pub fn note_kill(&self, place: impl Into<String>, over: impl Into<String>) {
        self.kills.lock().unwrap_or_else(PoisonError::into_inner).push((place.into(), over.into()));
    }

    /// Users as a sign-up leaves them, without the cost of one.
    pub fn make_users(&self, count: usize) -> Vec<Uuid> {
        let users: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
        let sql = "insert into users (uuid, email) select id, id || '@example.com' from unnest($1::uuid[]) as new (id)";
        self.database.rows(sql, &[&users]);
        users
    }

    /// The event of each user, as its sign-up would have sent it.
    pub fn events(users: &[Uuid]) -> Vec<String> {
        let event = |user: &Uuid| {
            json!({ "event": "user_created", "data": { "uuid": user }, "id": Uuid::now_v7(), "v": 1,
                    "occurred_at": "2025-08-17T11:58:12.345Z", "trace": {} })
        };
        users.iter().map(|user| event(user).to_string()).collect()
    }
}
