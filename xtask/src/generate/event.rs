//! A new event: its struct, its handler, its sample, its test, and the lines that register them.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::names::check_words;
use super::plan::{self, Plan};
use super::read;
use super::rust::{formatted, with_line, with_module, without_line};
use super::spec::{pascal, sentence};
use super::task::{TABLE, TESTS};
use crate::checkout::Checkout;

/// Returns what adds an event.
pub fn add(checkout: &Checkout, name: &str) -> Result<Plan> {
    let event = Event::named(checkout, name)?;
    for file in event.files() {
        if checkout.root().join(&file).exists() {
            bail!("{file} exists; choose another name, or remove it with `cargo xtask remove event {name}`");
        }
    }
    let home = event.home();
    let mut written = event.written(checkout)?;
    if checkout.root().join(&home).is_file() {
        let known = read(checkout, &home)?;
        if known.contains(&format!("\"{}\"", event.name)) {
            bail!("{home} has an event `{}`; choose another name", event.name);
        }
        written.push((home.clone(), formatted(&format!("{known}{}", event.block()))?));
    } else {
        let domain = event.domain_file();
        written.push((domain.clone(), with_module(&read(checkout, &domain)?, "pub mod events;")));
        written.push((home.clone(), formatted(&event.whole_home())?));
    }
    let table = with_module(&read(checkout, TABLE)?, &event.module());
    let table = with_line(&table, "pub fn events<T: Table>(table: T) -> T {", "\n}\n", &event.line())?;
    written.extend([
        (TABLE.to_owned(), formatted(&table)?),
        (TESTS.to_owned(), with_module(&read(checkout, TESTS)?, &event.module())),
    ]);
    Ok(Plan {
        written,
        documents: true,
        decisions: vec![
            format!("its data, without personal data: {home}, then {}", event.sample()),
            format!(
                "what it causes: work in Postgres in {}, or a task by `.starts` in place of its line in {TABLE}",
                event.handler()
            ),
            "where it happens: `tx.record` there, `Need::Queues` in main.rs, and EVENTS_QUEUE_URL in function.yaml"
                .to_owned(),
        ],
        tests: Some(format!("--test queue {}::", event.name)),
        ..Plan::default()
    })
}

/// Returns what removes an event that `new event` wrote. Changed files go only with `force`.
pub fn remove(checkout: &Checkout, name: &str, force: bool) -> Result<Plan> {
    let event = Event::named(checkout, name)?;
    let mut removed = event.files().to_vec();
    if let Some(file) = removed.iter().find(|file| !checkout.root().join(file).is_file()) {
        bail!("{file} does not exist, so `new event` has not written {name}; remove the event by hand");
    }
    if !force {
        plan::unchanged(checkout, &format!("event {name}"), &removed, &event.written(checkout)?)?;
    }
    let table = without_line(&read(checkout, TABLE)?, &event.module())?;
    let mut written = vec![
        (TABLE.to_owned(), formatted(&without_line(&table, &event.line())?)?),
        (TESTS.to_owned(), without_line(&read(checkout, TESTS)?, &event.module())?),
    ];
    let home = event.home();
    let known = read(checkout, &home)?;
    if known == formatted(&event.whole_home())? {
        let domain = event.domain_file();
        written.push((domain.clone(), without_line(&read(checkout, &domain)?, "pub mod events;")?));
        removed.push(home);
    } else {
        let rest = known.replacen(&event.block(), "", 1);
        if rest == known {
            bail!("{home}: the event is not as `new event` wrote it; remove it by hand");
        }
        written.push((home, rest));
    }
    Ok(Plan { written, removed, documents: true, ..Plan::default() })
}

struct Event {
    /// The folder in `core/src/domain/`.
    domain: String,
    /// As on the wire.
    name: String,
    /// The name of its struct.
    ty: String,
}

impl Event {
    fn named(checkout: &Checkout, name: &str) -> Result<Self> {
        let example = "orders/order_placed";
        let (domain, name) = name
            .split_once('/')
            .with_context(|| format!("`{name}` names no domain; write DOMAIN/NAME, as in {example}"))?;
        let name = name.replace('-', "_");
        check_words("event", &name, example)?;
        check_words("domain", domain, example)?;
        let event = Self { domain: domain.to_owned(), ty: pascal(&name), name };
        if !checkout.root().join(event.domain_file()).is_file() {
            bail!("{} does not exist; `cargo xtask new domain {domain}` adds a domain", event.domain_file());
        }
        Ok(event)
    }

    fn domain_file(&self) -> String {
        format!("core/src/domain/{}/mod.rs", self.domain)
    }

    fn home(&self) -> String {
        format!("core/src/domain/{}/events.rs", self.domain)
    }

    fn handler(&self) -> String {
        format!("core/src/application/handlers/{}.rs", self.name)
    }

    fn sample(&self) -> String {
        format!("events/events-consumer.{}.json", self.name.replace('_', "-"))
    }

    fn test(&self) -> String {
        format!("tests/queue/{}.rs", self.name)
    }

    /// Returns the files that are the event's alone.
    fn files(&self) -> [String; 3] {
        [self.handler(), self.sample(), self.test()]
    }

    /// Returns them with their texts.
    fn written(&self, checkout: &Checkout) -> Result<Vec<(String, String)>> {
        let [handler, sample, test] = self.files();
        Ok(vec![
            (handler, formatted(&self.fill(HANDLER))?),
            (sample, self.sample_text(&read(checkout, "events/events-consumer.json")?)?),
            (test, formatted(&self.fill(TEST))?),
        ])
    }

    fn module(&self) -> String {
        format!("mod {};", self.name)
    }

    fn line(&self) -> String {
        format!(".on::<{}::On{}>()", self.name, self.ty)
    }

    /// Returns its part of `events.rs`.
    fn block(&self) -> String {
        self.fill(BLOCK)
    }

    /// Returns an `events.rs` that holds this event alone.
    fn whole_home(&self) -> String {
        self.fill(HOME) + &self.block()
    }

    /// Returns the message of another event with this one in its place.
    fn sample_text(&self, other: &str) -> Result<String> {
        let mut sample: Value =
            serde_json::from_str(other).context("events/events-consumer.json is not JSON")?;
        let record = &mut sample["Records"][0];
        let mut message: Value = serde_json::from_str(record["body"].as_str().unwrap_or_default())?;
        message["event"] = json!(self.name);
        record["body"] = json!(message.to_string());
        Ok(serde_json::to_string_pretty(&sample)? + "\n")
    }

    fn fill(&self, text: &str) -> String {
        let text = text.replace("TITLE", &sentence(&self.name)).replace("DOMAIN", &self.domain);
        let text = text.replace("event_name", &self.name).replace("event-name", &self.name.replace('_', "-"));
        text.replace("EventName", &self.ty)
    }
}

/// The head of a domain's `events.rs`.
const HOME: &str = "//! What happens in the domain `DOMAIN`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Event;
";

/// One event in it.
const BLOCK: &str = r#"
/// TITLE. It carries ids and no personal data; handlers read the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventName {
    pub uuid: Uuid,
}

impl Event for EventName {
    const NAME: &'static str = "event_name";
}
"#;

const HANDLER: &str = r#"//! What the event `event_name` causes in Postgres.

use crate::{
    application::registry::{Handler, Received},
    domain::{DOMAIN::events::EventName, Result},
    infrastructure::tx::Tx,
};

pub(super) struct OnEventName;

impl Handler for OnEventName {
    type Event = EventName;
    const NAME: &'static str = "on_event_name";

    async fn handle(_: &mut Tx<'_>, events: Vec<Received<EventName>>) -> Result<()> {
        // What it writes through the transaction commits together with the inbox rows of the events.
        for received in events {
            tracing::info!(uuid = %received.event.uuid, "event_name");
        }
        Ok(())
    }
}
"#;

/// Its test: the event is recorded in a transaction, and the consumer gets its message.
const TEST: &str = r#"//! The event `event_name`.

use app_core::{
    domain::DOMAIN::events::EventName,
    testing::{TestApp, event},
};
use uuid::Uuid;

use crate::support::{consume, number, one, record};

const HANDLED: &str = "select count(*) from inbox where handler = 'on_event_name'";

#[tokio::test]
async fn it_is_handled_once_also_if_its_message_comes_twice() {
    let app = TestApp::new().await;
    let sent = record(&app, &EventName { uuid: Uuid::from_u128(1) }).await;
    let message = one("events-consumer", &sent[0].body);
    for _ in 0..2 {
        assert!(consume(&app, &message).await.is_empty());
    }
    assert_eq!(number(&app, HANDLED).await, 1);
}

#[tokio::test]
async fn its_sample_is_handled() {
    let app = TestApp::new().await;
    assert!(consume(&app, &event("events-consumer.event-name")).await.is_empty());
    assert_eq!(number(&app, HANDLED).await, 1);
}
"#;
