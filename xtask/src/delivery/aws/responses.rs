//! The responses of deliver.py.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Checked {
    pub(super) account: String,
    pub(super) login: String,
    pub(super) is_first: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) notes: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Fault {
    pub(super) problem: String,
    pub(super) remedy: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Packaged {
    pub(super) bucket: String,
    pub(super) template: String,
}

#[derive(Deserialize)]
pub(super) struct Proposed {
    pub(super) change_set: Option<String>,
    pub(super) changes: Vec<Change>,
}

#[derive(Deserialize)]
pub(super) struct Change {
    pub(super) action: String,
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) replaces: bool,
}

impl Change {
    pub(super) fn removes_a_role(&self) -> bool {
        self.action == "Remove" && self.kind == "AWS::IAM::Role"
    }
}
