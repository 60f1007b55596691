//! Against a small server on loopback that speaks the protocol.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use uuid::Uuid;

use super::*;
use crate::{
    config::{AwsConfig, MailConfig, SecretSource, Sender},
    domain::mask::Secret,
    infrastructure::secrets::{Secrets, Store},
    telemetry::{Scope, TraceContext},
};

/// The lines that the server received, one connection after the other.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("lines").clone()
    }

    /// The one line that begins so.
    fn line(&self, beginning: &str) -> String {
        let lines = self.lines();
        let mut found = lines.iter().filter(|line| line.starts_with(beginning));
        let line = found.next().unwrap_or_else(|| panic!("no {beginning} in {lines:#?}"));
        assert!(found.next().is_none(), "{beginning} twice in {lines:#?}");
        line.clone()
    }
}

/// Accepts everything but what `refusals` names: the beginning of a command, and the answer to it.
fn server(refusals: &'static [(&'static str, &'static str)]) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Heard::default();
    let lines = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(5) {
            let _ = talk(&stream.expect("a client"), refusals, &lines);
        }
    });
    (port, heard)
}

fn talk(mut stream: &TcpStream, refusals: &[(&str, &str)], heard: &Heard) -> std::io::Result<()> {
    let mut in_data = false;
    stream.write_all(b"220 test\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        heard.0.lock().expect("lines").push(line.clone());
        let refusal = refusals.iter().find(|(command, _)| line.starts_with(command));
        let answer = match refusal {
            Some((_, answer)) if !in_data => answer,
            _ if in_data && line != "." => continue,
            _ if line == "DATA" => "354 go on",
            _ if line.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN",
            _ => "250 fine",
        };
        in_data = answer.starts_with("354");
        write!(stream, "{answer}\r\n")?;
    }
    Ok(())
}

fn mailer(url: &str) -> SmtpMailer {
    let aws = AwsConfig {
        region: "us-east-1".into(),
        endpoint_url: None,
        access_key_id: String::new(),
        secret_access_key: Secret::new(String::new()),
        session_token: None,
    };
    let config = MailConfig {
        url: SecretSource::Inline(Secret::new(url.to_owned())),
        from: Sender::parse("The App <no-reply@app.example>").expect("a sender"),
    };
    SmtpMailer::new(config, Arc::new(Secrets::new(aws)))
}

fn local(port: u16) -> SmtpMailer {
    mailer(&format!("smtp://127.0.0.1:{port}"))
}

fn mail(subject: &str, text: &str) -> Mail {
    let to = MailAddress::stored("ada@example.com", None).expect("an address");
    Mail::new(Uuid::from_u128(7), to, body(subject, text)).expect("a mail")
}

fn body(subject: &str, text: &str) -> Body {
    Body { subject: subject.into(), text: text.into(), html: format!("<p>{text}</p>") }
}

#[tokio::test]
async fn a_mail_arrives_with_its_headers_and_its_text() {
    let (port, heard) = server(&[]);
    let trace = TraceContext::begin(Uuid::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c), true);
    let (mailer, mail) = (local(port), mail("Welcome", "Hello,\n.\nthis is all.\n"));
    Scope::new("m-1".to_owned(), trace).run(mailer.send(&mail)).await.expect("sent");
    assert_eq!(heard.line("MAIL FROM:"), "MAIL FROM:<no-reply@app.example>");
    assert_eq!(heard.line("RCPT TO:"), "RCPT TO:<ada@example.com>");
    assert_eq!(heard.line("From:"), "From: \"The App\" <no-reply@app.example>");
    assert_eq!(heard.line("To:"), "To: ada@example.com");
    assert_eq!(heard.line("Subject:"), "Subject: Welcome");
    assert_eq!(heard.line("X-Trace-Id:"), "X-Trace-Id: 0af7651916cd43dd8448eb211c80319c");
    assert!(heard.line("Date:").ends_with("+0000"));
    // A point alone on its line would end the mail; the protocol doubles it.
    let lines = heard.lines();
    let text = lines.iter().skip_while(|line| *line != "Hello,").map(String::as_str).collect::<Vec<_>>();
    assert_eq!(text[..3], ["Hello,", "..", "this is all."]);
    assert!(lines.iter().any(|line| line == "<p>Hello,"), "{lines:#?}");
    assert_eq!(heard.line("Auto-Submitted:"), "Auto-Submitted: auto-generated");
    assert!(heard.line("Content-Type: multipart/").starts_with("Content-Type: multipart/alternative;"));
}

#[tokio::test]
async fn a_mail_that_is_sent_twice_has_one_message_id() {
    let (port, heard) = server(&[]);
    let mailer = local(port);
    for _ in 0..2 {
        mailer.send(&mail("Welcome", "Hello")).await.expect("sent");
    }
    let ids: Vec<_> = heard.lines().into_iter().filter(|line| line.starts_with("Message-ID:")).collect();
    assert_eq!(ids, ["Message-ID: <00000000-0000-0000-0000-000000000007@app.example>"; 2]);
}

#[tokio::test]
async fn letters_beyond_ascii_arrive_in_subject_and_text() {
    let (port, heard) = server(&[]);
    local(port).send(&mail("Grüße", "Many greetings from Żnin.\n")).await.expect("sent");
    // RFC 2047 and quoted-printable of the two texts.
    assert_eq!(heard.line("Subject:"), "Subject: =?utf-8?b?R3LDvMOfZQ==?=");
    assert_eq!(heard.line("Content-Type: text/plain"), "Content-Type: text/plain; charset=utf-8");
    assert_eq!(heard.line("Content-Type: text/html"), "Content-Type: text/html; charset=utf-8");
    assert_eq!(heard.line("Many"), "Many greetings from =C5=BBnin.");
}

#[tokio::test]
async fn nobody_writes_a_header_through_a_subject_or_an_address() {
    let to = || MailAddress::stored("ada@example.com", None).expect("an address");
    for subject in ["Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com", "Hi\rBcc: x", "Hi\0", " ", ""] {
        assert!(Mail::new(Uuid::nil(), to(), body(subject, "text")).is_err(), "{subject:?}");
    }
    for text in [
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
        "ada@example.com>\nBcc: eve@example.com",
        "a\r\n@b.example",
    ] {
        assert!(MailAddress::stored(text, None).is_err(), "{text:?}");
    }
    // What is only text stays text.
    let (port, heard) = server(&[]);
    let text = "Hello\r\n.\r\nMAIL FROM:<eve@example.com>\r\n\r\nBcc: eve@example.com";
    local(port).send(&mail("Welcome", text)).await.expect("sent");
    let commands = heard.lines().iter().filter(|line| line.starts_with("RCPT TO:")).count();
    let headers: Vec<_> =
        heard.lines().into_iter().skip_while(|line| line != "DATA").take_while(|l| !l.is_empty()).collect();
    assert_eq!(commands, 1);
    assert!(!headers.iter().any(|line| line.starts_with("Bcc:")), "{headers:?}");
}

#[tokio::test]
async fn a_refused_recipient_is_final_and_not_repeated_in_the_error() {
    let (port, heard) = server(&[("RCPT TO", "550 5.1.1 <ada@example.com>: no such mailbox")]);
    let error = local(port).send(&mail("Welcome", "Hello")).await.expect_err("refused");
    assert!(!error.retryable(), "{error:?}");
    let text = format!("{error:?} {}", error.chain());
    assert!(text.contains("550 5.1.1") && !text.contains("ada"), "{text}");
    assert!(!heard.lines().iter().any(|line| line == "DATA"));
}

#[tokio::test]
async fn only_a_code_about_the_recipient_or_the_text_is_final() {
    let of_recipient = ["domain", "mailbox", "syntax", "RFC 7504"];
    let final_answers: &[(&[_], &str)] = &[
        (&[("RCPT TO", "550 5.1.10 null MX")], "domain"),
        (&[("RCPT TO", "552 5.2.2 mailbox full")], "mailbox"),
        (&[("RCPT TO", "553 5.1.3 bad address syntax")], "syntax"),
        (&[("RCPT TO", "556 domain takes no mail")], "RFC 7504"),
        (&[("MAIL FROM", "552 5.3.4 message too big")], "size"),
        (&[("RCPT TO", "552 5.2.3 too big for this mailbox")], "size of the mailbox"),
        (&[("DATA", "554 5.6.0 bad content")], "text"),
    ];
    let answers_to_repeat: &[(&[_], &str)] = &[
        (&[("DATA", "554 Message rejected: Email address is not verified.")], "our sender at SES"),
        (&[("DATA", "554 Access denied: Sending suspended")], "our account at SES"),
        (&[("RCPT TO", "554 5.7.1 <ada@example.com>: Relay access denied")], "our relay"),
        (&[("DATA", "550 5.7.26 unauthenticated sender")], "our DNS"),
        (&[("MAIL FROM", "550 sender rejected")], "our sender"),
        (&[("RCPT TO", "550 no")], "no enhanced code"),
        (&[("EHLO", "554 no SMTP service here"), ("HELO", "554 no SMTP service here")], "our network"),
    ];
    for (answers, may_pass) in [(final_answers, false), (answers_to_repeat, true)] {
        for (refusals, about) in answers {
            let (port, _) = server(refusals);
            let error = local(port).send(&mail("Welcome", "Hello")).await.expect_err("refused");
            assert_eq!(error.retryable(), may_pass, "{about}: {error:?}");
            assert_eq!(error.is_of_recipient(), of_recipient.contains(about), "{about}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_greeting_that_refuses_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.write_all(b"554 5.7.1 no service for your network\r\n");
    });
    let error = local(port).send(&mail("Welcome", "Hello")).await.expect_err("refused");
    assert!(error.retryable(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_busy_down_or_refuses_the_login_is_tried_again() {
    let (busy, _) = server(&[("MAIL FROM", "451 4.7.1 later")]);
    let (strict, _) = server(&[("MAIL FROM", "530 5.7.0 authentication required")]);
    // About the sender and the server: an operator can correct that.
    let (sender, _) = server(&[("MAIL FROM", "550 5.1.8 bad sender's address")]);
    let (other, _) = server(&[("RCPT TO", "503 5.5.1 bad sequence of commands")]);
    let down = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    for port in [busy, strict, sender, other, down] {
        let error = local(port).send(&mail("Welcome", "Hello")).await.expect_err("not sent");
        assert!(matches!(error, Error::Unavailable { what: "mail", .. }), "{error:?}");
    }
}

/// Answers each question with the next text.
struct Rotated(Mutex<Vec<String>>);

impl Store for Rotated {
    fn fetch<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Arc<str>>> {
        async { Ok(Arc::from(self.0.lock().expect("texts").remove(0))) }.boxed()
    }
}

#[tokio::test]
async fn a_refused_login_is_tried_once_more_with_the_secret_as_it_is_now() {
    let (old, _) = server(&[("MAIL FROM", "535 5.7.8 credentials invalid")]);
    let (new, heard) = server(&[]);
    let url = |port: u16| format!("smtp://127.0.0.1:{port}");
    let stored = |ports: &[u16]| {
        let texts = Rotated(Mutex::new(ports.iter().map(|port| url(*port)).collect()));
        let mut mailer = local(old);
        mailer.config.url = SecretSource::Stored("mail".into());
        mailer.secrets = Arc::new(Secrets::over(Box::new(texts)));
        mailer
    };
    stored(&[old, new]).send(&mail("Welcome", "Hello")).await.expect("sent with the newer secret");
    assert_eq!(heard.line("RCPT TO:"), "RCPT TO:<ada@example.com>");
    // The same text again is not tried again.
    let error = stored(&[old, old]).send(&mail("Welcome", "Hello")).await.expect_err("refused");
    assert!(error.retryable() && error.chain().contains("535 5.7.8"), "{error:?}");
}

#[tokio::test]
async fn without_encryption_neither_password_nor_mail_is_sent() {
    let (port, heard) = server(&[]);
    let mailer = mailer(&format!("smtp://user:hunter2@127.0.0.1:{port}?tls=required"));
    let error = mailer.send(&mail("Welcome", "Hello")).await.expect_err("no STARTTLS there");
    let heard = heard.lines();
    assert!(heard.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{heard:?}");
    let text = format!("{mailer:?} {error:?} {}", error.chain());
    assert!(!text.contains("hunter2") && error.retryable(), "{text}");
}

#[tokio::test]
async fn a_stored_url_that_is_none_is_named_without_its_password() {
    let mailer = mailer("smtp://user:hunter2@smtp.example.com");
    let error = mailer.send(&mail("Welcome", "Hello")).await.expect_err("refused");
    assert!(matches!(error, Error::Configuration(_)) && error.retryable(), "{error:?}");
    assert!(!error.chain().contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mailer = local(listener.local_addr().expect("an address").port());
    let start = Instant::now();
    let mailer = mailer.with_timeout(Duration::from_millis(300));
    let error = mailer.send(&mail("Welcome", "Hello")).await.expect_err("silence");
    assert!(error.retryable() && start.elapsed() < Duration::from_secs(5), "{error:?}");
}

#[tokio::test]
async fn without_a_server_the_log_shows_neither_address_nor_text() {
    let mail = mail("Welcome", "a link that signs in");
    LogMailer.send(&mail).await.expect("logged");
    let shown = format!("{mail:?}");
    assert!(!shown.contains("ada@") && !shown.contains("link"), "{shown}");
}
