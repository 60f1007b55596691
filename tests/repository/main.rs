//! What talks to Postgres, on a real Postgres: a schema, or a database, for each test.

mod audit;
mod bulk;
mod connection;
mod email_operations;
mod explain;
mod hostile_queries;
mod hostile_text;
mod injection;
mod key_value;
mod keyset;
mod lookups;
mod migrations;
mod operations;
mod oracle;
mod outbox_operations;
mod prototype_faults;
mod random_cases;
mod role_operations;
mod sample;
mod starts;
mod statement_text;
mod support;
mod task_operations;
mod transactions;
mod users;
