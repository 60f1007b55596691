//! Writing one thing: create, update, upsert, delete.

use super::Repository;
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::{Sql, Statement},
        query::{Assignments, Column, Entity, Filter, Shape, ValueSource, bound, writable},
    },
};

impl<E: Entity, C: Sql> Repository<'_, E, C> {
    /// Inserts a row and returns it as the database made it.
    ///
    /// # Errors
    /// `Malformed` for a column that is not writable, `Validation` for a value that is missing or
    /// does not fit, `AlreadyExists` with the key that is taken.
    pub async fn create(&self, values: &Assignments) -> Result<E> {
        let mut statement = insert::<E>(values)?;
        self.returned(&mut statement).await
    }

    /// Inserts a row, or changes the one that has the same values in `conflict`, in one statement.
    ///
    /// `conflict` are the columns of one unique index, and must be among the values.
    pub async fn upsert(&self, values: &Assignments, conflict: &[&'static str]) -> Result<E> {
        for name in conflict {
            writable::<E>(name)?;
            if values.get(name).is_none() {
                return Err(Error::invalid(*name, "required"));
            }
        }
        let first = conflict.first().ok_or_else(|| Error::invalid("conflict", "required"))?;
        let mut statement = insert::<E>(values)?;
        let columns = values.columns::<E>()?;
        let mut changes: Vec<String> = columns
            .iter()
            .map(|column| column.name())
            .filter(|name| !conflict.contains(name))
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        changes.extend(touched::<E>(values));
        if changes.is_empty() {
            // Changes nothing, but `do nothing` would not return the row.
            changes.push(format!("{first} = excluded.{first}"));
        }
        statement.push(&format!(
            " on conflict ({}) do update set {}",
            conflict.join(", "),
            changes.join(", ")
        ));
        self.returned(&mut statement).await
    }

    /// Changes every row that matches and returns how many there were.
    ///
    /// # Errors
    /// `Validation` naming `filter` when it has no conditions: the whole table wants
    /// `Filter::everything()`.
    pub async fn update(&self, filter: &Filter, values: &Assignments) -> Result<u64> {
        let Some(statement) = update::<E>(filter, values)? else { return Ok(0) };
        self.execute(&statement).await
    }

    /// The same, returning the changed rows.
    pub async fn update_as<S: Shape>(&self, filter: &Filter, values: &Assignments) -> Result<Vec<S>> {
        let Some(mut statement) = update::<E>(filter, values)? else { return Ok(Vec::new()) };
        statement.push(&format!(" returning {}", S::FIELDS.join(", ")));
        self.read(&statement).await
    }

    /// Deletes every row that matches and returns how many there were.
    ///
    /// # Errors
    /// As `update`.
    pub async fn delete(&self, filter: &Filter) -> Result<u64> {
        deliberate(filter)?;
        let mut statement = Statement::begin(format!("delete from {}", E::TABLE));
        filter.lower::<E>(&mut statement)?;
        self.execute(&statement).await
    }

    async fn returned(&self, statement: &mut Statement) -> Result<E> {
        statement.push(&format!(" returning {}", E::FIELDS.join(", ")));
        self.read(statement).await?.pop().ok_or_else(|| Error::internal("a write that returned no row"))
    }
}

fn insert<E: Entity>(values: &Assignments) -> Result<Statement> {
    let columns = values.columns::<E>()?;
    required::<E>(values)?;
    let untouched = untouched::<E>(values);
    if columns.is_empty() && untouched.is_empty() {
        return Ok(Statement::begin(format!("insert into {} default values", E::TABLE)));
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name()).chain(untouched.clone()).collect();
    let mut statement = Statement::begin(format!("insert into {} ({}) values (", E::TABLE, names.join(", ")));
    for (index, column) in columns.iter().enumerate() {
        let value = values.get(column.name()).ok_or_else(|| Error::internal("a column without its value"))?;
        let n = statement.bind(bound(column, value)?);
        statement.push(&format!("{}${n}", if index > 0 { ", " } else { "" }));
    }
    for index in columns.len()..names.len() {
        statement.push(if index > 0 { ", now()" } else { "now()" });
    }
    statement.push(")");
    Ok(statement)
}

/// `None` when there is nothing to change.
fn update<E: Entity>(filter: &Filter, values: &Assignments) -> Result<Option<Statement>> {
    deliberate(filter)?;
    if values.is_empty() {
        // An invalid filter is an error also without a change.
        filter.lower::<E>(&mut Statement::default())?;
        return Ok(None);
    }
    let mut statement = Statement::begin(format!("update {} set ", E::TABLE));
    for (index, column) in values.columns::<E>()?.into_iter().enumerate() {
        let value = values.get(column.name()).ok_or_else(|| Error::internal("a column without its value"))?;
        let n = statement.bind(bound(column, value)?);
        statement.push(&format!("{}{} = ${n}", if index > 0 { ", " } else { "" }, column.name()));
    }
    for change in touched::<E>(values) {
        statement.push(", ");
        statement.push(&change);
    }
    filter.lower::<E>(&mut statement)?;
    Ok(Some(statement))
}

/// Returns the assignments for columns that every change updates, unless the caller sets them.
pub(super) fn touched<E: Entity>(values: &Assignments) -> Vec<String> {
    untouched::<E>(values).iter().map(|name| format!("{name} = now()")).collect()
}

/// The columns that are the time of the statement, and that the caller does not set.
pub(super) fn untouched<E: Entity>(values: &Assignments) -> Vec<&'static str> {
    let columns = E::COLUMNS.iter().filter(|column| column.source == ValueSource::Touched);
    columns.map(Column::name).filter(|name| values.get(name).is_none()).collect()
}

/// # Errors
/// `Validation` naming every column that must have a value and has none.
pub(super) fn required<E: Entity>(values: &Assignments) -> Result<()> {
    let missing: Vec<_> = E::COLUMNS
        .iter()
        .filter(|column| {
            column.source == ValueSource::Caller && !column.nullable && values.get(column.name()).is_none()
        })
        .map(|column| crate::domain::Detail::new(column.name(), "required"))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::Validation(missing)) }
}

fn deliberate(filter: &Filter) -> Result<()> {
    if filter.is_deliberate() { Ok(()) } else { Err(Error::invalid("filter", "required")) }
}
