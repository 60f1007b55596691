//! Keys: `column`, `column__op`, `column__json_key__op`.

use super::{
    Op,
    column::{Column, Entity},
};
use crate::domain::{Error, Result, shown};

/// JSON keys between column and operator.
const MAX_PATH: usize = 3;
/// Of a whole key, so that an error can name it.
const MAX_BYTES: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterKey {
    /// As it was written, for errors.
    text: String,
    column: String,
    pub(super) path: Vec<String>,
    pub(super) op: Op,
}

impl FilterKey {
    /// From the text form, operator included; a bare column means equality.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (place, op) = match text.rsplit_once("__") {
            None => (text, Op::E),
            Some((place, word)) => {
                (place, Op::parse(word).ok_or_else(|| unknown(text, "has an unknown operator"))?)
            }
        };
        Self::new(place, op, text)
    }

    /// From a place (`column` or `column__json_key`) and an operator.
    pub(super) fn build(place: &str, op: Op) -> Result<Self> {
        Self::new(place, op, &format!("{place}__{}", op.as_str()))
    }

    fn new(place: &str, op: Op, text: &str) -> Result<Self> {
        let mut parts = place.split("__").map(str::to_owned);
        let column = parts.next().unwrap_or_default();
        let path: Vec<String> = parts.collect();
        if text.len() > MAX_BYTES {
            return Err(unknown(text, "is not a known column"));
        }
        if path.len() > MAX_PATH || path.iter().any(|key| key.is_empty() || key.contains('\0')) {
            return Err(unknown(text, "has an invalid path"));
        }
        Ok(Self { text: text.to_owned(), column, path, op })
    }

    /// Its column in this entity.
    ///
    /// # Errors
    /// `Malformed` naming the key, for a column that is not there or an operator that does not fit.
    pub(super) fn resolve<E: Entity>(&self) -> Result<&'static Column> {
        let column = E::column(&self.column).ok_or_else(|| unknown(&self.text, "is not a known column"))?;
        if !self.path.is_empty() && column.column_type != super::ColumnType::Jsonb {
            return Err(unknown(&self.text, "has an unsupported operator"));
        }
        if self.op.fits(column.column_type, !self.path.is_empty()) {
            Ok(column)
        } else {
            Err(unknown(&self.text, "has an unsupported operator"))
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Names the key only if it looks like one, because it may be the caller's own text.
pub(super) fn unknown(key: &str, problem: &str) -> Error {
    Error::Malformed(format!("`{}` {problem}", shown(key)).into())
}
