//! `cargo xtask up`: runs everything in the foreground, or in the background with `--detach`.

use std::time::Duration;

use anyhow::{Result, bail};

use super::logs::follower;
use crate::checkout::random_hex;
use crate::interrupt;
use crate::process::Identity;
use crate::stack::state::State;
use crate::stack::{DEV, Stack, tracing};
use crate::traces::{Follower, Kind, text};
use crate::ui;
use crate::watch::Watch;

/// How often logs, sources and processes are looked at.
const GLANCE: Duration = Duration::from_millis(200);

pub fn run(detach: bool, watch: bool) -> Result<()> {
    interrupt::note()?;
    let mut stack = Stack::claim(DEV)?;
    let mut watch = watch.then(|| Watch::new(&stack.checkout));
    stack.start()?;
    summary(&stack.state)?;
    if detach {
        stack.detach()?;
        ui::out(
            "`cargo xtask logs --follow` shows the logs of the functions; `cargo xtask down` stops everything.",
        );
        return Ok(());
    }
    ui::out("The logs of the functions follow. Ctrl-C stops everything.\n");
    let mut logs = follower(&stack.folder, &stack.state, None);
    let mut traces = Follower::at_the_end(tracing::folder(&stack.folder));
    let (mut lost, mut closed) = (None, false);
    while lost.is_none() && !closed && !interrupt::requested() {
        let requests = traces.read().spans.into_iter().filter(|span| span.kind == Kind::Server);
        for line in logs.read()?.into_iter().chain(requests.map(|span| text::followed(&span))) {
            if !ui::out(&line) {
                // Nobody sees it any more.
                closed = true;
            }
        }
        if let Some(watch) = &mut watch {
            watch.look(&mut stack);
        }
        lost = lost_part(&stack.state);
        std::thread::sleep(GLANCE);
    }
    ui::note("");
    ui::step("stopping", || {
        stack.stop();
        Ok(())
    })?;
    if let Some((part, log)) = lost {
        bail!("{part} stopped unexpectedly; see .local/{DEV}/{log}");
    }
    Ok(())
}

/// A process of the stack that no longer runs.
fn lost_part(state: &State) -> Option<(&'static str, &'static str)> {
    let lost = |part: &Option<Identity>| part.as_ref().is_some_and(|part| !part.alive());
    if lost(&state.emulator) {
        return Some(("the AWS emulator", "emulator.log"));
    }
    if state.mailbox.as_ref().is_some_and(|mailbox| !mailbox.identity.alive()) {
        return Some(("the mail server", "mailbox.log"));
    }
    if state.traces.as_ref().is_some_and(|traces| !traces.identity.alive()) {
        return Some(("the receiver of traces", "traces.log"));
    }
    lost(&state.postgres).then_some(("Postgres", "postgres.log"))
}

fn summary(state: &State) -> Result<()> {
    let url = state.api_url();
    // A new address each time: the line works as often as it is pasted after a start.
    let body = format!(
        r#"{{"email":"ada-{}@example.com","password":"{}"}}"#,
        random_hex(4)?,
        "correct horse battery staple",
    );
    ui::out(&format!(
        "\nThe API is at {url}. Its documentation is at {url}/docs/ and {url}/redoc/\nTry it:\n"
    ));
    ui::out(&format!(
        "  curl -sS {url}/api/v1/auth/sign-up/ -H 'Content-Type: application/json' -d '{body}'\n"
    ));
    ui::out("`cargo xtask mail` shows the mails that it sends. Nobody else receives them.");
    ui::out("`cargo xtask trace` shows what a request did, with times. `--open` draws it in a browser.\n");
    Ok(())
}
