//! How an entity describes its table. The columns are this static list, and statements contain only names
//! from it.

use tokio_postgres::Row;

use crate::domain::Result;

/// The Postgres types a column may have. `Text` stands for `varchar` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    Bool,
    Int2,
    Int4,
    Int8,
    Float8,
    Text,
    Uuid,
    Date,
    Timestamptz,
    Jsonb,
}

/// Where the value of a column comes from, in a new or changed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::infrastructure) enum ValueSource {
    /// The caller; without a value it is null.
    Caller,
    /// The caller, or this SQL expression in a new row.
    Default(&'static str),
    /// Postgres alone (identity).
    Generated,
    /// The caller, or the time of the statement in every new or changed row.
    Touched,
}

/// Where a text is looked for that can be spelled in many ways, as SQL.
#[derive(Debug, Clone, Copy)]
pub struct Spelling {
    /// The column with the one form of all spellings. Null where it is not known yet.
    pub exact: &'static str,
    /// The same, or a form that Postgres can compute where it is null. Texts that are not the same may
    /// share that form. An index of it makes the search fast.
    pub any: &'static str,
}

/// One column: `Column::new("phone", ColumnType::Text).nullable()`.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub(super) name: &'static str,
    pub(super) column_type: ColumnType,
    pub(in crate::infrastructure) nullable: bool,
    pub(in crate::infrastructure) source: ValueSource,
    /// Of `varchar(n)`, in code points.
    pub(super) max_chars: Option<usize>,
    pub(super) spelling: Option<Spelling>,
}

impl Column {
    pub const fn new(name: &'static str, column_type: ColumnType) -> Self {
        Self {
            name,
            column_type,
            nullable: false,
            source: ValueSource::Caller,
            max_chars: None,
            spelling: None,
        }
    }

    /// It may be null.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// What a new row gets when the caller gives nothing: the expression of the table's own
    /// `default`, written again because a bulk insert cannot say `default` row by row.
    #[must_use]
    pub const fn default(self, expression: &'static str) -> Self {
        Self { source: ValueSource::Default(expression), ..self }
    }

    /// `varchar(chars)`: a longer text is refused before Postgres would.
    #[must_use]
    pub const fn max(self, chars: usize) -> Self {
        Self { max_chars: Some(chars), ..self }
    }

    /// A filter may compare it with all spellings of a text ([`Value::Spelled`](super::Value::Spelled)).
    #[must_use]
    pub const fn spelled(self, spelling: Spelling) -> Self {
        Self { spelling: Some(spelling), ..self }
    }

    /// Identity: read, never written.
    #[must_use]
    pub const fn generated(self) -> Self {
        Self { source: ValueSource::Generated, ..self }
    }

    /// Set to the present moment by every insert and update that does not set it itself.
    #[must_use]
    pub const fn touched(self) -> Self {
        Self { source: ValueSource::Touched, ..self }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn column_type(&self) -> ColumnType {
        self.column_type
    }

    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Returns the most characters that it holds; `None` without a limit.
    pub fn max_chars(&self) -> Option<usize> {
        self.max_chars
    }
}

/// Something that can be read from a row of a table: the entity, or less of it.
pub trait Shape: Sized {
    /// The columns that `from_row` reads, and therefore the ones that are fetched.
    const FIELDS: &'static [&'static str];

    /// # Errors
    /// `Internal` when a column is missing or of another type: then `FIELDS` or the entity's
    /// columns say something that the table does not.
    fn from_row(row: &Row) -> Result<Self>;
}

/// Implements [`Shape`] for a struct, from one list of its fields. Each field has the name of its column.
///
/// ```ignore
/// shape!(Order { uuid, reference, created_at });
/// ```
macro_rules! shape {
    ($entity:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::infrastructure::query::Shape for $entity {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn from_row(row: &tokio_postgres::Row) -> $crate::Result<Self> {
                Ok(Self { $($field: $crate::infrastructure::db::column(row, stringify!($field))?),+ })
            }
        }
    };
}

pub(in crate::infrastructure) use shape;

/// A table and its rows.
pub trait Entity: Shape {
    const TABLE: &'static str;
    const COLUMNS: &'static [Column];
    /// The primary key: unique, never null; it breaks ties in every order.
    const KEY: &'static str;

    /// A column of this entity.
    fn column(name: &str) -> Option<&'static Column> {
        Self::COLUMNS.iter().find(|column| column.name == name)
    }
}
