//! The rules of the house: who may look at whom, what must be listed where, and what the template
//! must say that no linter checks.

mod access;
mod adding;
mod asvs;
mod circles;
mod columns;
mod decisions;
mod front_door;
mod imports;
mod layers;
mod links;
mod lint;
mod may_sign_in;
mod messages;
mod mutants;
mod needs;
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
