//! The rules of the house: who may look at whom, what must be listed where, and what the template
//! must say that no linter checks.

mod access;
mod adding;
mod asvs;
mod audit;
mod blocks;
mod circles;
mod columns;
mod companions;
mod decisions;
mod deploying;
mod features;
mod front_door;
mod holes;
mod imports;
mod judges;
mod layers;
mod links;
mod mails;
mod may_sign_in;
mod messages;
mod mutants;
mod needs;
mod page_names;
mod passwords;
mod paths;
mod plain_words;
mod requirements;
mod routes;
mod skips;
mod supply_chain;
mod targets;
mod template;
mod times;
mod workflow_lint;
mod workflows;
