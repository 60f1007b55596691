//! The whole topology: the real binaries behind the gateway and the queues, deployed from
//! template.yaml by `cargo xtask test`.

mod accounts;
mod alarms;
mod async_flow;
mod audit;
mod browser;
mod database_ca;
mod deploy;
mod docs_pages;
mod edge;
mod gateway;
mod generated;
mod keys;
mod letters;
mod logins;
mod mails;
mod operator;
mod outage;
mod phone;
mod readme;
mod recovery;
mod releases;
mod rpc;
mod schedules;
mod secrets;
mod site;
mod spans;
mod support;
mod trace;
