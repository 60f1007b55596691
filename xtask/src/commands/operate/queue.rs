//! `cargo xtask queue …`: shows queues and dead letters; sends dead letters again or deletes them.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::operator::letters::{self, Choice, Count, Letter, Step};
use crate::operator::message::{Outline, age, plain};
use crate::operator::{Place, Queue};
use crate::ui;

/// `redrive` asks for a confirmation above this number.
const MANY: usize = 100;

/// The subcommands of `queue`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show how many messages each queue and each dead-letter queue holds.
    List {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show dead letters and why they are there, without removing them.
    ///
    /// It shows the keys of a body and their types, but no values. For some seconds, nobody else can
    /// receive a message that is shown.
    Peek {
        /// Show only the dead letters of this queue.
        queue: Option<Queue>,
        #[command(flatten)]
        choice: Choice,
        /// The maximum number of messages of each queue.
        #[arg(long, default_value_t = 10)]
        limit: usize,
        /// Print whole bodies, which may contain personal data.
        #[arg(long)]
        show_payload: bool,
    },
    /// Put dead letters back on their queue.
    ///
    /// It can be repeated and interrupted safely. A message without an id gets one, and the effects
    /// of an id happen once.
    Redrive {
        /// The queue whose dead letters are put back.
        queue: Queue,
        #[command(flatten)]
        choice: Choice,
        /// The maximum number of messages.
        #[arg(long)]
        limit: Option<usize>,
        /// Show what would be put back, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Confirm to put back more than a hundred messages.
        #[arg(long)]
        yes: bool,
    },
    /// Delete dead letters.
    ///
    /// Their work is never done: a task is cancelled. The audit log records each message.
    Drop {
        /// The queue whose dead letters are deleted.
        queue: Queue,
        /// The SQS id of a message, from `peek`; can be repeated.
        #[arg(long = "id", value_name = "MESSAGE_ID", required = true)]
        ids: Vec<String>,
        /// Confirm the deletion. Without it, the messages are only shown.
        #[arg(long)]
        yes: bool,
    },
}

pub fn run(action: &Action, stack_name: Option<&str>) -> Result<ExitCode> {
    let place = Place::find(stack_name)?;
    let complete = match action {
        Action::List { json } => list(&place, *json).map(|()| true),
        Action::Peek { queue, choice, limit, show_payload } => {
            let queues = queue.map_or(Queue::ALL.to_vec(), |queue| vec![queue]);
            queues.into_iter().try_for_each(|queue| peek(&place, queue, choice, *limit, *show_payload))?;
            Ok(true)
        }
        Action::Redrive { queue, choice, limit, dry_run: true, .. } => {
            would_redrive(&place, *queue, choice, *limit).map(|()| true)
        }
        Action::Redrive { queue, choice, limit, dry_run: false, yes } => {
            redrive(&place, *queue, choice, *limit, *yes)
        }
        Action::Drop { queue, ids, yes } => drop_letters(&place, *queue, ids, *yes),
    }?;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(place: &Place, json: bool) -> Result<()> {
    let counted = letters::count(place)?;
    if json {
        ui::out(&format!("{counted:#}"));
        return Ok(());
    }
    ui::out(&format!("{:<20} {:>8} {:>9} {:>8} {:>8}", "queue", "waiting", "in flight", "delayed", "oldest"));
    for count in serde_json::from_value::<Vec<Count>>(counted)? {
        let oldest = count.oldest_seconds.map_or("-".to_owned(), age);
        ui::out(&format!(
            "{:<20} {:>8} {:>9} {:>8} {oldest:>8}",
            count.queue, count.waiting, count.in_flight, count.delayed
        ));
    }
    Ok(())
}

fn peek(place: &Place, queue: Queue, choice: &Choice, limit: usize, show_payload: bool) -> Result<()> {
    let found = letters::peek(place, queue, choice, limit)?;
    if found.is_empty() {
        ui::say(&format!("the dead-letter queue of {queue} has no such message"));
        return Ok(());
    }
    let reasons = letters::reasons(place, queue, &found);
    if let Err(error) = &reasons {
        ui::say(&format!("the reasons are not shown, because the database cannot be asked: {error:#}"));
    }
    if show_payload {
        ui::say("the payloads may hold personal data, and they stay in the history of your terminal");
    }
    for letter in &found {
        describe(queue, letter);
        if let Ok(reasons) = &reasons {
            let unknown = "unknown; none is recorded if the function was killed at each receive";
            ui::out(&format!(
                "  reason    {}",
                reasons.get(&letter.message_id).map_or(unknown.to_owned(), |r| plain(r))
            ));
        }
        if show_payload {
            ui::out(&format!("  payload   {}", letter.body));
        }
    }
    Ok(())
}

fn describe(queue: Queue, letter: &Letter) {
    let outline = Outline::of(&letter.body);
    let name = outline.name.as_deref().unwrap_or("(no name)");
    ui::out(&format!("{queue} {} {name}", letter.message_id));
    ui::out(&format!("  age       {}, received {} times", age(letter.age_seconds), letter.receives));
    ui::out(&format!("  id        {}", outline.id.as_deref().unwrap_or("none")));
    ui::out(&format!("  payload   {}", outline.shape));
    if let Some(why) = &letter.obstacle {
        ui::out(&format!("  redrive   impossible: {}", plain(why)));
    }
}

fn name_of(letter: &Letter) -> String {
    Outline::of(&letter.body).name.unwrap_or_else(|| "(no name)".to_owned())
}

fn would_redrive(place: &Place, queue: Queue, choice: &Choice, limit: Option<usize>) -> Result<()> {
    let found = letters::peek(place, queue, choice, limit.unwrap_or(usize::MAX >> 12))?;
    for letter in &found {
        let (id, name) = (&letter.message_id, name_of(letter));
        ui::out(&match &letter.obstacle {
            None => format!("would put back {id} {name}"),
            Some(why) => format!("would leave {id} {name}: {}", plain(why)),
        });
    }
    ui::say(&format!("{} messages of {queue}; nothing was changed", found.len()));
    Ok(())
}

/// Returns whether all could be put back.
fn redrive(place: &Place, queue: Queue, choice: &Choice, limit: Option<usize>, yes: bool) -> Result<bool> {
    let more_than_many = limit.is_none_or(|limit| limit > MANY);
    if !yes && more_than_many && letters::peek(place, queue, choice, MANY + 1)?.len() > MANY {
        bail!(
            "{queue} has more than {MANY} dead letters: use --dry-run to see them, --limit {MANY}, or --yes for all"
        );
    }
    let mut said = |step: Step<'_>| match step {
        Step::PutBack { letter, gave_id } => {
            let note = if gave_id { ", with its SQS id as its id" } else { "" };
            ui::out(&format!("put back {} {}{note}", letter.message_id, name_of(letter)));
        }
        Step::Left { message_id, why } => {
            ui::out(&format!("left {}: {}", plain(message_id), plain(why)));
        }
    };
    let redriven = letters::redrive(place, queue, choice, limit, &mut said)?;
    ui::say(&format!("{} messages of {queue} put back", redriven.done));
    if redriven.left > 0 {
        ui::say(&format!(
            "{} messages stay; delete one with `cargo xtask queue drop {queue} --id …`",
            redriven.left
        ));
    }
    Ok(redriven.left == 0)
}

/// Returns whether all were deleted.
fn drop_letters(place: &Place, queue: Queue, ids: &[String], yes: bool) -> Result<bool> {
    // The same id may be given twice.
    let ids = BTreeSet::from_iter(ids);
    let choice = Choice { ids: ids.iter().copied().cloned().collect(), name: None };
    let found = letters::peek(place, queue, &choice, ids.len())?;
    for id in ids.iter().filter(|id| !found.iter().any(|letter| letter.message_id == ***id)) {
        ui::say(&format!("{} is not in the dead-letter queue of {queue}", plain(id)));
    }
    if !yes {
        found.iter().for_each(|letter| describe(queue, letter));
        bail!("nothing was deleted; add --yes to delete these messages");
    }
    let deleted = letters::drop(place, queue, &found)?;
    for letter in &found {
        let (id, name) = (&letter.message_id, name_of(letter));
        let outcome = if deleted.contains(id) {
            "dropped"
        } else {
            "not dropped, because it is no longer in the queue:"
        };
        ui::out(&format!("{outcome} {id} {name}"));
    }
    Ok(deleted.len() == ids.len())
}
