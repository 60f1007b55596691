//! Queue functions, called as Lambda calls them: a batch of `events/` in, the failed records out.

mod account_flows;
mod batch;
mod clean_up;
mod erase_users;
mod events_consumer;
mod failing_tasks;
mod inbox;
mod kafka;
mod kafka_broker;
mod lost_events;
mod mail_outage;
mod mail_worker;
mod outbox_groups;
mod outbox_races;
mod outbox_relay;
mod publishing;
mod recover_tasks;
mod refusals;
mod security_mail;
mod soak;
mod starting_tasks;
mod strikes;
mod support;
mod tasks_worker;
mod unused_accounts;
mod welcome_mail;
