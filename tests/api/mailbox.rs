//! The mails that an app has sent: its tasks are run, and what they put into the mailbox is taken out.

use std::time::{Duration, Instant};

use app_core::{
    application::events::Delivery,
    infrastructure::{
        mail::Mail,
        messaging::{Outgoing, Queue},
    },
    testing::TestApp,
};

pub(crate) trait Mailbox {
    /// Runs the tasks that were sent, and returns the new mails.
    async fn mails(&self) -> Vec<Mail>;

    /// Runs these messages as tasks, and returns the new mails.
    async fn deliver(&self, messages: &[Outgoing]) -> Vec<Mail>;
}

impl Mailbox for TestApp {
    async fn mails(&self) -> Vec<Mail> {
        self.deliver(&self.bus.take()).await
    }

    async fn deliver(&self, messages: &[Outgoing]) -> Vec<Mail> {
        let end = Instant::now() + Duration::from_secs(60);
        for message in messages.iter().filter(|message| message.queue == Queue::Mail) {
            let worker = self.app.mail_worker().expect("a worker");
            let delivery = Delivery { body: &message.body, message_id: "m-1" };
            let outgoing = worker.run(delivery, end).await.expect("a task");
            assert!(outgoing.is_empty(), "the task failed: {outgoing:?}");
        }
        self.mailer.take()
    }
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
