//! Reads the mails of an app: runs its tasks and takes the mails out of the mailbox.

use std::time::{Duration, Instant};

use app_core::{
    application::{events::Delivery, tasks::Worker},
    infrastructure::{
        mail::Mail,
        messaging::{Outgoing, Queue},
        sms::Sms,
    },
    testing::{Event, TestApp},
};

pub(crate) trait Mailbox {
    /// Runs the tasks that were sent, and returns the new mails.
    async fn mails(&self) -> Vec<Mail>;

    /// Runs the tasks that were sent, and returns the new text messages.
    async fn texts(&self) -> Vec<Sms>;

    /// Runs these messages as tasks, and returns the new mails.
    async fn deliver(&self, messages: &[Outgoing]) -> Vec<Mail>;

    /// Runs a task as `tasks-worker` does, and returns the messages that it sends.
    async fn work(&self, body: &str) -> Vec<Outgoing>;
}

/// Runs a task, and returns the messages that it sends.
pub(crate) async fn run_task(worker: &Worker<'_>, body: &str) -> Vec<Outgoing> {
    let end = Instant::now() + Duration::from_secs(60);
    worker.run(Delivery { body, message_id: "m-1" }, end).await.expect("a task")
}

impl Mailbox for TestApp {
    async fn mails(&self) -> Vec<Mail> {
        self.deliver(&self.bus.take()).await
    }

    async fn texts(&self) -> Vec<Sms> {
        self.deliver(&self.bus.take()).await;
        self.phones.take()
    }

    async fn deliver(&self, messages: &[Outgoing]) -> Vec<Mail> {
        let worker = self.app.mail_worker().expect("a worker");
        for message in messages.iter().filter(|message| message.queue == Queue::Mail) {
            let outgoing = run_task(&worker, &message.body).await;
            assert!(outgoing.is_empty(), "the task failed: {outgoing:?}");
        }
        self.mailer.take()
    }

    async fn work(&self, body: &str) -> Vec<Outgoing> {
        run_task(&self.app.worker().expect("a worker"), body).await
    }
}

/// Sets every header that could be taken for the address of a page.
pub(crate) fn forged(event: Event, host: &str) -> Event {
    let names = [
        "Host",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Original-Host",
        "Forwarded",
        "Referer",
        "Origin",
    ];
    names.iter().fold(event, |event, name| event.header(name, Some(host)))
}

/// Returns the link of a mail that carries a secret.
pub(crate) fn link(mail: &Mail) -> Option<String> {
    let words = mail.text().split_whitespace();
    words.into_iter().find(|word| word.contains("#token=")).map(str::to_owned)
}

/// Returns the token of that link.
#[track_caller]
pub(crate) fn token(mail: &Mail) -> String {
    let link = link(mail).unwrap_or_else(|| panic!("no link: {}", mail.text()));
    link.split_once("#token=").expect("a token").1.to_owned()
}

/// Returns the code of a text message: the 8 digits that it begins with.
#[track_caller]
pub(crate) fn digits(sms: &Sms) -> String {
    let code: String = sms.text().chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 8, "no code: {}", sms.text());
    code
}

/// Returns the code of a mail: the only line of eight capital letters and digits.
#[track_caller]
pub(crate) fn code(mail: &Mail) -> String {
    let is_code = |line: &str| {
        let compact: String = line.chars().filter(|c| !" -".contains(*c)).collect();
        compact.len() == 8 && compact.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let lines: Vec<&str> = mail.text().lines().map(str::trim).filter(|line| is_code(line)).collect();
    assert_eq!(lines.len(), 1, "no code: {}", mail.text());
    lines[0].to_owned()
}
