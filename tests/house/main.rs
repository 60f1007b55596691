//! The rules of the house: who may look at whom, what must be listed where, and what the template
//! must say that no linter checks.

mod access;
mod dependencies;
mod layers;
mod lint;
mod messages;
mod mutants;
mod routes;
mod template;
