//! A mail server that speaks SMTP and refuses what a test tells it to.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where in the dialogue the server refuses a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Recipient,
    /// After the text has been transferred.
    Text,
}

/// The reply to mails to one address, for so many of them.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) to: String,
    pub(crate) stage: Stage,
    pub(crate) reply: &'static str,
    pub(crate) times: usize,
}

#[derive(Debug, Default)]
struct Post {
    refusals: Vec<Refusal>,
    refused: Vec<String>,
    delivered: Vec<String>,
}

/// It ends with the test's process.
pub(crate) struct MailServer {
    port: u16,
    post: Arc<Mutex<Post>>,
}

impl MailServer {
    pub(crate) fn start(refusals: Vec<Refusal>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let post = Arc::new(Mutex::new(Post { refusals, ..Post::default() }));
        let shared = Arc::clone(&post);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let post = Arc::clone(&shared);
                // A client that hangs up early has nothing more to say.
                std::thread::spawn(move || drop(talk(&client, &post)));
            }
        });
        Self { port, post }
    }

    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        let url = format!("smtp://127.0.0.1:{}", self.port);
        [("MAIL_URL", url), ("MAIL_FROM", "The App <no-reply@app.example>".to_owned())]
    }

    /// Returns the addresses of the mails that were accepted, sorted.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let mut all = lock(&self.post).delivered.clone();
        all.sort_unstable();
        all
    }

    /// Returns how many mails to this address were refused.
    pub(crate) fn refused(&self, to: &str) -> usize {
        lock(&self.post).refused.iter().filter(|address| *address == to).count()
    }
}

fn talk(mut client: &TcpStream, post: &Mutex<Post>) -> std::io::Result<()> {
    client.write_all(b"220 mail.example ready\r\n")?;
    let (mut to, mut in_text) = (String::new(), false);
    for line in BufReader::new(client).lines() {
        let line = line?;
        if in_text && line != "." {
            continue;
        }
        let reply = if in_text {
            in_text = false;
            let refused = lock(post).refuse(&to, Stage::Text);
            refused.unwrap_or_else(|| {
                lock(post).delivered.push(to.clone());
                "250 2.0.0 accepted"
            })
        } else if let Some(address) = line.strip_prefix("RCPT TO:<") {
            to = address.split('>').next().unwrap_or_default().to_owned();
            lock(post).refuse(&to, Stage::Recipient).unwrap_or("250 2.1.5 fine")
        } else if line == "DATA" {
            in_text = true;
            "354 go on"
        } else {
            "250 2.0.0 fine"
        };
        write!(client, "{reply}\r\n")?;
    }
    Ok(())
}

impl Post {
    fn refuse(&mut self, to: &str, stage: Stage) -> Option<&'static str> {
        let fits = |refusal: &&mut Refusal| refusal.to == to && refusal.stage == stage && refusal.times > 0;
        let refusal = self.refusals.iter_mut().find(fits)?;
        refusal.times -= 1;
        self.refused.push(to.to_owned());
        Some(refusal.reply)
    }
}

fn lock(post: &Mutex<Post>) -> MutexGuard<'_, Post> {
    post.lock().unwrap_or_else(PoisonError::into_inner)
}
