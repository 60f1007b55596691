//! What talks to Postgres, on a real Postgres: a schema, or a database, for each test.

mod connection;
mod migrations;
mod users;
