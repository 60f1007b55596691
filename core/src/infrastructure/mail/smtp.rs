//! Mail over SMTP, one connection a mail: a connection kept between invocations would be dead after
//! a freeze, and a function rarely sends two.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
    transport::smtp,
};

use super::{Mail, Mailer};
use crate::{
    config::{MailConfig, SecretSource, Sender, check_url},
    domain::{Error, Result},
    infrastructure::secrets::Secrets,
    telemetry::{self, Span, TraceId},
};

/// From the name's resolution to the server's last answer.
const TIMEOUT: Duration = Duration::from_secs(10);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub struct SmtpMailer {
    pub(super) config: MailConfig,
    pub(super) secrets: Arc<Secrets>,
    timeout: Duration,
    /// The transport and the URL that it was made from. After a rotation of the password it is made again.
    transport: Mutex<Option<(Arc<str>, Transport)>>,
}

impl SmtpMailer {
    pub fn new(config: MailConfig, secrets: Arc<Secrets>) -> Self {
        Self { config, secrets, timeout: TIMEOUT, transport: Mutex::new(None) }
    }

    #[cfg(test)]
    pub(super) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn deliver(&self, mail: &Mail) -> Result<()> {
        let message = message(&self.config.from, mail)?;
        let url = self.secrets.get(&self.config.url).await?;
        let Err(refused) = self.transport(&url)?.send(message.clone()).await else { return Ok(()) };
        // Perhaps the password has been changed within the five minutes that a secret is kept.
        if is_login(&refused)
            && let SecretSource::Stored(id) = &self.config.url
        {
            let newer = self.secrets.get_newer(id, &url).await?;
            if newer != url {
                return self.transport(&newer)?.send(message).await.map(drop).map_err(|e| outcome(&e));
            }
        }
        Err(outcome(&refused))
    }

    fn transport(&self, url: &Arc<str>) -> Result<Transport> {
        let mut made = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, transport)) = &*made
            && known == url
        {
            return Ok(transport.clone());
        }
        let wrong = |why| Error::Configuration(format!("MAIL_URL {why}"));
        check_url(url).map_err(wrong)?;
        // The error of the library may repeat the URL.
        let transport = Transport::from_url(url)
            .map_err(|_| wrong("must be the URL of a mail server"))?
            .timeout(Some(self.timeout))
            .build();
        *made = Some((url.clone(), transport.clone()));
        Ok(transport)
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>> {
        async move {
            let span = Span::call(|| "send mail".to_owned());
            let delivered = tokio::time::timeout(self.timeout, self.deliver(mail)).await;
            let outcome = delivered.unwrap_or_else(|_| {
                let why = format!("the server did not reply within {} s", self.timeout.as_secs_f32());
                Err(Error::unavailable("mail", why))
            });
            span.end(&outcome);
            outcome
        }
        .boxed()
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("config", &self.config).finish_non_exhaustive()
    }
}

fn message(from: &Sender, mail: &Mail) -> Result<Message> {
    let sender = address(&from.address)
        .ok_or_else(|| Error::Configuration("MAIL_FROM must be an address that SMTP accepts".into()))?;
    let recipient = address(mail.to.as_str()).ok_or_else(|| Error::invalid(Error::RECIPIENT, "format"))?;
    let domain = from.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let mut message = Message::builder();
    if let Some(trace) = telemetry::trace() {
        message = message.header(XTraceId(trace.id));
    }
    message
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        .from(Mailbox::new(from.name.clone(), sender))
        .to(Mailbox::new(None, recipient))
        .subject(mail.subject())
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(mail.text().to_owned(), mail.html().to_owned()))
        .map_err(Error::internal)
}

/// Says that no person wrote the mail, so that no program answers it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// Names the trace that the mail belongs to, so that a question about a mail leads to its log lines. The id is enough,
/// because nobody continues the trace of a mail.
#[derive(Clone)]
struct XTraceId(TraceId);

impl Header for XTraceId {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Trace-Id")
    }

    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("it is only written".into())
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.to_string())
    }
}

fn address(email: &str) -> Option<Address> {
    email.parse().ok()
}

/// The server did not take the credentials: that says nothing about the mail, and can be mended.
fn is_login(error: &smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538))
}

fn outcome(error: &smtp::Error) -> Error {
    let Some(status) = error.status() else {
        return match error.is_response() {
            true => Error::unavailable("mail", "the reply of the server is not SMTP"),
            false => Error::unavailable("mail", error.to_string()),
        };
    };
    // The text of the reply repeats the address. The enhanced status code, such as 5.1.1, gives the reason.
    let words = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let detail = words.split_whitespace().next().filter(|word| is_enhanced(word)).unwrap_or_default();
    let answer = format!("replied {status} {detail}").trim_end().to_owned();
    match refused(status.into(), detail) {
        Some(part) => Error::invalid(part, format!("the server {answer}")),
        None => Error::unavailable("mail", answer),
    }
}

/// Returns what a permanent reply refused, as the key of a `Validation`: the recipient or the text. Returns nothing for
/// every other reply.
///
/// A permanent status alone is not enough. It may be about the login, the sender, our account or the rules of the
/// server. An operator can correct these, and then the mail can be sent. So the enhanced status code must name the
/// recipient or the text (RFC 3463).
fn refused(status: u16, detail: &str) -> Option<&'static str> {
    let part = match detail {
        // The size, for the mailbox or the server.
        "5.2.3" | "5.3.4" => "mail",
        "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" => Error::RECIPIENT,
        // 556 needs no enhanced code. It means that the recipient's domain accepts no mail (RFC 7504).
        "" if status == 556 => Error::RECIPIENT,
        of_text if of_text.starts_with("5.6.") => "mail",
        of_mailbox if of_mailbox.starts_with("5.2.") => Error::RECIPIENT,
        _ => return None,
    };
    matches!(status, 550..=554 | 556).then_some(part)
}

/// Returns whether a word is an enhanced status code: three numbers with points between them (RFC 3463).
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}
