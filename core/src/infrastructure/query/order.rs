//! The order of a list: columns, and then the primary key, so that no two rows are equal.

use super::{Column, ColumnType, Entity, key, lookup::sortable};
use crate::{
    domain::{Error, Result},
    infrastructure::db::Statement,
};

const MAX_COLUMNS: usize = 8;

/// `Order::by(["-created_at", "name"])`: newest first, then by name. Null sorts as the largest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    columns: Vec<String>,
}

/// One column of a lowered order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) column: &'static Column,
    pub(super) descending: bool,
}

impl Order {
    pub fn by<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect() }
    }

    /// The columns it sorts by, the primary key included.
    pub(crate) fn names<E: Entity>(&self) -> Result<Vec<&'static str>> {
        Ok(self.steps::<E>()?.iter().map(|step| step.column.name).collect())
    }

    /// The steps, ending in the primary key.
    ///
    /// # Errors
    /// `Malformed` with the name of a column that does not exist, has no order (jsonb) or is named twice.
    pub(super) fn steps<E: Entity>(&self) -> Result<Vec<Step>> {
        if self.columns.len() > MAX_COLUMNS {
            return Err(Error::invalid("order", "too_long"));
        }
        let mut steps: Vec<Step> = Vec::with_capacity(self.columns.len() + 1);
        for text in &self.columns {
            let (name, descending) = match text.strip_prefix('-') {
                Some(name) => (name, true),
                None => (text.as_str(), false),
            };
            let column = E::column(name).filter(|column| column.column_type != ColumnType::Jsonb);
            let column = column.ok_or_else(|| key::unknown(text, "is not a column to sort by"))?;
            if steps.iter().any(|step| step.column.name == column.name) {
                return Err(key::unknown(text, "is named twice in the order"));
            }
            steps.push(Step { column, descending });
        }
        if !steps.iter().any(|step| step.column.name == E::KEY) {
            let column =
                E::column(E::KEY).ok_or_else(|| Error::internal("an entity without its key column"))?;
            // In the direction of the last column, so that one index serves both.
            let descending = steps.last().is_some_and(|step| step.descending);
            steps.push(Step { column, descending });
        }
        Ok(steps)
    }
}

/// Returns the whole order as a cursor names it: `-created_at,-id`.
pub(super) fn text(steps: &[Step]) -> String {
    let names = steps.iter().map(|step| (if step.descending { "-" } else { "" }, step.column.name));
    names.map(|(sign, name)| format!("{sign}{name}")).collect::<Vec<_>>().join(",")
}

/// Appends ` order by …`.
pub(super) fn render(statement: &mut Statement, steps: &[Step]) {
    statement.push(" order by ");
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            statement.push(", ");
        }
        statement.push(&sortable(step.column));
        if step.descending {
            statement.push(" desc");
        }
    }
}
