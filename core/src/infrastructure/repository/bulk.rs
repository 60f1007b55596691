//! Writing many things in one statement, whatever their number: each column travels as one array.

use std::collections::HashSet;

use super::{
    Repository,
    write::{required, untouched},
};
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::{Sql, Statement},
        query::{
            Assignments, Column, ColumnType, Entity, Shape, Value, ValueSource, bind_column, bound_column,
        },
    },
};
use uuid::Uuid;

pub const MAX_ROWS: usize = 100_000;

impl<E: Entity, C: Sql> Repository<'_, E, C> {
    /// Inserts all rows or none, and returns how many. Rows may name different columns: one that a
    /// row does not name gets its default there.
    ///
    /// # Errors
    /// As `create`; `Validation` naming `rows` for more than 100,000, or when none of them names a
    /// column.
    pub async fn create_bulk(&self, rows: &[Assignments]) -> Result<u64> {
        let Some(statement) = insert::<E>(rows)? else { return Ok(0) };
        self.execute(&statement).await
    }

    /// The same, returning the rows; their order is the database's.
    pub async fn create_bulk_as<S: Shape>(&self, rows: &[Assignments]) -> Result<Vec<S>> {
        let Some(mut statement) = insert::<E>(rows)? else { return Ok(Vec::new()) };
        statement.push(&format!(" returning {}", S::FIELDS.join(", ")));
        self.read(&statement).await
    }

    /// Changes each row by its primary key, and returns how many were there. Rows may name
    /// different columns: one that a row does not name keeps its value.
    ///
    /// # Errors
    /// As `update`; `Validation` naming the key column for one that comes twice.
    pub async fn update_bulk(&self, rows: &[(Value, Assignments)]) -> Result<u64> {
        let Some(statement) = update::<E>(rows)? else { return Ok(0) };
        self.execute(&statement).await
    }

    /// The same, returning the changed rows; their order is the database's.
    pub async fn update_bulk_as<S: Shape>(&self, rows: &[(Value, Assignments)]) -> Result<Vec<S>> {
        let Some(mut statement) = update::<E>(rows)? else { return Ok(Vec::new()) };
        statement.push(&format!(
            " returning {}",
            S::FIELDS.iter().map(|field| format!("t.{field}")).collect::<Vec<_>>().join(", ")
        ));
        self.read(&statement).await
    }
}

/// One column of the rows: its parameter, and where rows leave it out, a parameter that says which.
struct Lane {
    column: &'static Column,
    values: usize,
    present: Option<usize>,
}

fn insert<E: Entity>(rows: &[Assignments]) -> Result<Option<Statement>> {
    let rows: Vec<&Assignments> = rows.iter().collect();
    check_number(rows.len())?;
    // Rows with the same columns lack the same required ones, so one check per distinct set is enough.
    each_unlike(&rows, required::<E>)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut statement = Statement::begin(format!("insert into {} (", E::TABLE));
    let lanes = bind_lanes::<E>(&mut statement, &rows)?;
    if lanes.is_empty() {
        return Err(Error::invalid("rows", "required"));
    }
    let mut names: Vec<&str> = lanes.iter().map(|lane| lane.column.name()).collect();
    let mut values: Vec<String> = lanes.iter().map(|lane| lane.or(default_of(lane.column))).collect();
    for name in untouched_by::<E>(&lanes) {
        names.push(name);
        values.push("now()".to_owned());
    }
    statement.push(&format!("{}) select {} from ", names.join(", "), values.join(", ")));
    statement.push(&unnest(&lanes, None));
    Ok(Some(statement))
}

fn update<E: Entity>(rows: &[(Value, Assignments)]) -> Result<Option<Statement>> {
    check_number(rows.len())?;
    let key = E::column(E::KEY).ok_or_else(|| Error::internal("an entity without its key column"))?;
    refuse_twins(key, rows)?;
    // Rows that change nothing would only be touched.
    let rows: Vec<&(Value, Assignments)> = rows.iter().filter(|(_, values)| !values.is_empty()).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mut statement = Statement::begin(format!("update {} as t set ", E::TABLE));
    let bound = bind_column(key.column_type(), rows.iter().map(|(key, _)| key))
        .map_err(|misfit| Error::invalid(key.name(), misfit))?;
    let keys = statement.bind(bound);
    let values: Vec<&Assignments> = rows.iter().map(|(_, values)| values).collect();
    let lanes = bind_lanes::<E>(&mut statement, &values)?;
    let mut changes: Vec<String> = lanes
        .iter()
        .map(|lane| {
            let name = lane.column.name();
            let kept = format!("t.{name}");
            // A row that does not set such a column is touched, though another row sets it.
            let other = if lane.column.source == ValueSource::Touched { "now()" } else { &kept };
            format!("{name} = {}", lane.or(other))
        })
        .collect();
    changes.extend(untouched_by::<E>(&lanes).map(|name| format!("{name} = now()")));
    statement.push(&changes.join(", "));
    statement.push(" from ");
    statement.push(&unnest(&lanes, Some(keys)));
    statement.push(&format!(" where t.{} = r.row_key", key.name()));
    Ok(Some(statement))
}

/// The columns that any row names, in the entity's order: the text does not depend on the rows'.
fn bind_lanes<E: Entity>(statement: &mut Statement, rows: &[&Assignments]) -> Result<Vec<Lane>> {
    each_unlike(rows, |row| row.columns::<E>().map(drop))?;
    let mut lanes = Vec::new();
    for column in E::COLUMNS {
        let mut place = 0;
        let cells: Vec<Option<&Value>> =
            rows.iter().map(|row| row.get_near(column.name(), &mut place)).collect();
        let named = cells.iter().flatten().count();
        if named == 0 {
            continue;
        }
        let values = statement.bind(bound_column(column, &cells)?);
        let present = (named < rows.len()).then(|| {
            let flags: Vec<bool> = cells.iter().map(Option::is_some).collect();
            statement.bind(Box::new(flags))
        });
        lanes.push(Lane { column, values, present });
    }
    Ok(lanes)
}

/// Checks what depends on a row's columns alone: again only where they differ from the row before.
fn each_unlike(rows: &[&Assignments], check: impl Fn(&Assignments) -> Result<()>) -> Result<()> {
    let mut before: Option<&Assignments> = None;
    for row in rows {
        if !before.is_some_and(|before| row.is_like(before)) {
            check(row)?;
        }
        before = Some(row);
    }
    Ok(())
}

/// Returns the columns with the time of the statement that no row sets.
fn untouched_by<E: Entity>(lanes: &[Lane]) -> impl Iterator<Item = &'static str> {
    let unset = untouched::<E>(&Assignments::new()).into_iter();
    unset.filter(move |name| !lanes.iter().any(|lane| lane.column.name() == *name))
}

impl Lane {
    /// The row's value, or `other` where the row has none.
    fn or(&self, other: &str) -> String {
        match self.present {
            None => format!("r.v{}", self.values),
            Some(present) => format!("case when r.v{present} then r.v{} else {other} end", self.values),
        }
    }
}

/// Returns the rows as a table `r`. Its columns get generated names, which cannot clash with the table's.
fn unnest(lanes: &[Lane], key: Option<usize>) -> String {
    let numbers = lanes.iter().flat_map(|lane| [Some(lane.values), lane.present]).flatten();
    let mut params: Vec<String> = numbers.clone().map(|n| format!("${n}")).collect();
    let mut names: Vec<String> = numbers.map(|n| format!("v{n}")).collect();
    if let Some(key) = key {
        params.push(format!("${key}"));
        names.push("row_key".to_owned());
    }
    format!("unnest({}) as r ({})", params.join(", "), names.join(", "))
}

fn default_of(column: &Column) -> &'static str {
    match column.source {
        ValueSource::Default(expression) => expression,
        ValueSource::Touched => "now()",
        ValueSource::Caller | ValueSource::Generated => "null",
    }
}

fn check_number(rows: usize) -> Result<()> {
    if rows > MAX_ROWS { Err(Error::invalid("rows", "too_long")) } else { Ok(()) }
}

/// Two changes of one row in one statement: Postgres would pick one.
fn refuse_twins(key: &Column, rows: &[(Value, Assignments)]) -> Result<()> {
    let mut seen = HashSet::with_capacity(rows.len());
    for (value, _) in rows {
        let id = match value {
            Value::Int(id) => format!("{id}"),
            Value::Uuid(id) => id.to_string(),
            // One uuid has several spellings.
            Value::Text(id) if key.column_type() == ColumnType::Uuid => {
                Uuid::try_parse(id).map_err(|_| Error::invalid(key.name(), "type"))?.to_string()
            }
            Value::Text(id) => id.clone(),
            _ => return Err(Error::invalid(key.name(), "type")),
        };
        if !seen.insert(id) {
            return Err(Error::invalid(key.name(), "duplicate"));
        }
    }
    Ok(())
}
