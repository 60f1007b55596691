//! The table of operators in docs/repository.md.

use std::fmt::Write as _;

use app_core::infrastructure::query::{ColumnType, Op};

/// The types that a column may have, by the words of docs/repository.md.
const TYPES: [(&str, ColumnType); 8] = [
    ("bool", ColumnType::Bool),
    ("int2, int4, int8", ColumnType::Int8),
    ("float8", ColumnType::Float8),
    ("text", ColumnType::Text),
    ("uuid", ColumnType::Uuid),
    ("date", ColumnType::Date),
    ("timestamptz", ColumnType::Timestamptz),
    ("jsonb", ColumnType::Jsonb),
];

pub(super) fn table() -> String {
    let mut table =
        "| operator | columns | JSON key of a `jsonb` column | value |\n|---|---|---|---|\n".to_owned();
    for op in Op::ALL {
        let fitting = TYPES.iter().filter(|(_, of)| op.fits(*of, false));
        let names: Vec<_> = fitting.map(|(name, _)| *name).collect();
        let columns = if names.len() == TYPES.len() { "all".to_owned() } else { names.join(", ") };
        let path = if op.fits(ColumnType::Jsonb, true) { "yes" } else { "no" };
        let value = match op {
            Op::IsNull => "`true` or `false`",
            _ if op.takes_list() => "a list",
            _ => "one value",
        };
        let _ = writeln!(table, "| `{}` | {columns} | {path} | {value} |", op.as_str());
    }
    table
}
