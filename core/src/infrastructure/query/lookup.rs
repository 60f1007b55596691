//! The operators: their names, the columns they fit, and their SQL.

use super::{
    ColumnType,
    bind::{self, Misfit},
    column::{Column, Spelling},
    value::{Spelled, Value},
};
use crate::{domain::words::words, infrastructure::db::Statement};
use serde_json::Value as Json;

words! {
    /// An operator, with the word after the last `__` of a key.
    #[derive(Hash)]
    pub enum Op {
        E = "e",
        Ne = "ne",
        Gt = "gt",
        Gte = "gte",
        Lt = "lt",
        Lte = "lte",
        In = "in",
        NotIn = "not_in",
        Like = "like",
        Ilike = "ilike",
        NotLikeAll = "not_like_all",
        JsonbLike = "jsonb_like",
        JsonbNotLike = "jsonb_not_like",
        IsNull = "is_null",
    }
}

impl Op {
    /// Whether its value is a list.
    pub fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::NotIn | Self::NotLikeAll)
    }

    /// Whether it can be used with a column of this type, or with a path into one.
    pub fn fits(self, column_type: ColumnType, has_path: bool) -> bool {
        match self {
            Self::E | Self::Ne | Self::In | Self::NotIn | Self::IsNull => true,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => {
                !has_path && !matches!(column_type, ColumnType::Bool | ColumnType::Uuid | ColumnType::Jsonb)
            }
            Self::Like | Self::Ilike | Self::NotLikeAll => column_type == ColumnType::Text,
            Self::JsonbLike | Self::JsonbNotLike => column_type == ColumnType::Jsonb,
        }
    }
}

/// Appends one condition. The text depends only on column, path length and operator. So the text has a
/// separate branch for null wherever null has a meaning.
pub(super) fn render(
    statement: &mut Statement,
    column: &'static Column,
    path: &[String],
    op: Op,
    value: &Value,
) -> Result<(), Misfit> {
    bind::bounded(value)?;
    let path = match path {
        [] => None,
        path => Some(statement.bind(Box::new(path.to_vec()))),
    };
    // Inside JSON, JSON null is compared as SQL null, on both sides.
    let value = if path.is_some() && *value == Value::Json(Json::Null) { &Value::Null } else { value };
    let place = Place { column, path };
    if let Value::Spelled(forms) = value {
        return spelled(statement, column, op, forms.as_ref());
    }
    let (nullable, subject) = (column.nullable || path.is_some(), place.subject());
    match op {
        Op::E => {
            let n = statement.bind(bind::one(column.column_type, value)?);
            if nullable {
                statement.push(&format!("({subject} = ${n} or ({subject} is null and ${n} is null))"));
            } else {
                statement.push(&format!("{subject} = ${n}"));
            }
        }
        Op::Ne => {
            let n = statement.bind(bind::one(column.column_type, value)?);
            statement.push(&format!("({subject} <> ${n} or ({subject} is not null and ${n} is null))"));
        }
        Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
            if *value == Value::Null {
                return Err("null");
            }
            let n = statement.bind(bind::one(column.column_type, value)?);
            let sign = match op {
                Op::Gt => ">",
                Op::Gte => ">=",
                Op::Lt => "<",
                _ => "<=",
            };
            statement.push(&format!("{} {sign} ${n}", place.sortable()));
        }
        Op::In | Op::NotIn => {
            let n = statement.bind(bind::column(column.column_type, bind::list(value)?.iter())?);
            let test = if op == Op::In { "= any" } else { "<> all" };
            statement.push(&format!("{subject} {test}(${n})"));
        }
        Op::Like | Op::Ilike => {
            let n = statement.bind(Box::new(pattern(value)?));
            statement.push(&format!("{subject} {} ${n}", op.as_str()));
        }
        Op::NotLikeAll => {
            let patterns: Vec<String> = bind::list(value)?.iter().map(pattern).collect::<Result<_, _>>()?;
            let n = statement.bind(Box::new(patterns));
            statement.push(&format!("{subject} not like all(${n})"));
        }
        Op::JsonbLike | Op::JsonbNotLike => {
            let n = statement.bind(Box::new(pattern(value)?));
            // Not true: false, or unknown because the key is missing.
            let negation = if op == Op::JsonbNotLike { " is not true" } else { "" };
            statement.push(&format!("({} like ${n}){negation}", place.text()));
        }
        Op::IsNull => {
            let n = statement.bind(Box::new(bind::boolean(value)?));
            statement.push(&format!("({subject} is null) = ${n}"));
        }
    }
    Ok(())
}

/// Appends a condition on all spellings of some texts. A row without the exact form may be found by another
/// text that only shares the other form.
fn spelled(
    statement: &mut Statement,
    column: &'static Column,
    op: Op,
    forms: Option<&Spelled>,
) -> Result<(), Misfit> {
    let (Some(Spelling { exact, any }), name) = (column.spelling, column.name) else { return Err("type") };
    if forms
        .is_some_and(|forms| forms.exact.iter().chain(&forms.any).any(|text| bind::checked(text).is_err()))
    {
        return Err("format");
    }
    let n = statement.bind(Box::new(forms.map(|forms| forms.any.clone())));
    let m = statement.bind(Box::new(forms.map(|forms| forms.exact.clone())));
    let is_one = format!("({any} = any(${n}) and ({exact} is null or {exact} = any(${m})))");
    let condition = match op {
        Op::E => format!("({is_one} or ({name} is null and ${n} is null))"),
        Op::Ne => format!("(not {is_one} or ({name} is not null and ${n} is null))"),
        Op::In => is_one,
        Op::NotIn => format!("not {is_one}"),
        _ => return Err("type"),
    };
    statement.push(&condition);
    Ok(())
}

/// A column, or a path into it by the number of its parameter.
struct Place {
    column: &'static Column,
    path: Option<usize>,
}

impl Place {
    /// What is compared. JSON's null counts as null, like a key that is missing.
    fn subject(&self) -> String {
        let name = self.column.name;
        match self.path {
            None => name.to_owned(),
            Some(n) => format!("nullif({name} #> ${n}, 'null')"),
        }
    }

    /// Returns an expression whose order is the same on every server.
    fn sortable(&self) -> String {
        sortable(self.column)
    }

    /// Returns the expression in which a substring is searched.
    fn text(&self) -> String {
        let name = self.column.name;
        match self.path {
            None => format!("{name}::text"),
            Some(n) => format!("{name} #>> ${n}"),
        }
    }
}

/// "C" sorts UTF-8 by code point, whatever the database's own locale.
pub(super) fn sortable(column: &Column) -> String {
    if column.column_type == ColumnType::Text {
        format!("{} collate \"C\"", column.name)
    } else {
        column.name.to_owned()
    }
}

/// Returns `%text%` with the wildcards of the text escaped.
fn pattern(value: &Value) -> Result<String, Misfit> {
    let Value::Text(text) = value else { return Err("type") };
    let text = bind::checked(text)?;
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Ok(pattern)
}
