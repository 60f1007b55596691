//! The query parameters of a list for the OpenAPI document, generated from the endpoint's `Allowed` and from
//! the entity's columns.

use utoipa::openapi::{
    KnownFormat, Object, RefOr, Required, Schema, SchemaFormat,
    path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
    schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Type},
};

use super::{Allowed, filter_key};
use crate::infrastructure::query::{Column, ColumnType, Entity, MAX_LIST_ITEMS, MAX_TEXT_CHARS, Op};

/// The type `text` of Postgres cannot store a NUL character.
const NO_NUL: &str = r"^[^\u0000]*$";
/// The same for an item of a list, in which a comma or a percent sign is percent-encoded.
const ITEM: &str = r"^([^\u0000,%]|%[0-9A-Fa-f]{2})*$";

impl Allowed {
    /// Returns all parameters: filters, order and page.
    ///
    /// # Panics
    /// If a filter names a column that the entity does not have.
    #[must_use]
    pub fn parameters<E: Entity>(&self) -> Vec<Parameter> {
        let mut parameters = self.order_and_page();
        for (name, ops) in self.filters {
            let column = E::column(name).unwrap_or_else(|| panic!("no column {name}"));
            parameters.extend(ops.iter().map(|op| filter(column, *op)));
            if column.column_type() == ColumnType::Jsonb {
                parameters.push(inside(column, ops));
            }
        }
        parameters
    }

    fn order_and_page(&self) -> Vec<Parameter> {
        let one = format!("-?({})", self.orders.join("|"));
        let order = text().pattern(Some(format!("^{one}(,{one})*$"))).max_length(None);
        let limit = typed(Type::Integer, KnownFormat::Int32).minimum(Some(1)).maximum(Some(self.max_limit));
        let offset = typed(Type::Integer, KnownFormat::Int64).minimum(Some(0));
        let default = self.default_order.join(",");
        vec![
            parameter(
                "order",
                format!(
                    "Columns to sort by, separated by commas. A minus means descending. Default: `{default}`."
                ),
                order,
            ),
            parameter("limit", "The maximum number of rows on a page.".into(), limit),
            parameter(
                "cursor",
                "`next` of the previous page. Use the same filters and order as for that page.".into(),
                ObjectBuilder::new().schema_type(Type::String),
            ),
            parameter("offset", "How many rows to skip. Cannot be combined with `cursor`.".into(), offset),
            parameter(
                "count",
                "Whether to count all matching rows. Counting is slow on large tables.".into(),
                ObjectBuilder::new().schema_type(Type::Boolean),
            ),
        ]
    }
}

/// Describes a filter: `column` for equality, `column__op` for the other operators.
fn filter(column: &Column, op: Op) -> Parameter {
    let key = filter_key(column.name(), op);
    if op.takes_list() {
        let list = ArrayBuilder::new().items(item(column, op)).max_items(Some(MAX_LIST_ITEMS)).build();
        return ParameterBuilder::from(parameter(&key, describe(column, op), list))
            .style(Some(ParameterStyle::Form))
            .explode(Some(false))
            .build();
    }
    parameter(&key, describe(column, op), value(column, op))
}

/// Describes the filters inside a JSON column. Each property of this object is a query parameter.
fn inside(column: &Column, ops: &[Op]) -> Parameter {
    let name = column.name();
    let words: Vec<&str> =
        ops.iter().filter(|op| op.fits(ColumnType::Jsonb, true)).map(|op| op.as_str()).collect();
    let keys = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^{name}(__[A-Za-z0-9]+(_[A-Za-z0-9]+)*){{1,3}}__({})$", words.join("|"))));
    let places = ObjectBuilder::new()
        .property_names(Some(Schema::Object(keys.build())))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(text().build().into()))))
        .default(Some(serde_json::json!({})));
    let description = format!(
        "Filters on keys inside `{name}`. Each is a separate query parameter: `{name}__KEY__OP`, or \
         `{name}__KEY__KEY__OP` for a nested key. At most three keys. OP is one of `{}`. A value that is \
         not a JSON number, boolean or null is read as a text.",
        words.join("`, `")
    );
    ParameterBuilder::from(parameter(&format!("{name}_keys"), description, places))
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .build()
}

fn parameter(name: &str, description: String, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn typed(kind: Type, format: KnownFormat) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind).format(Some(SchemaFormat::KnownFormat(format)))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(NO_NUL)).max_length(Some(MAX_TEXT_CHARS))
}

fn value(column: &Column, op: Op) -> RefOr<Schema> {
    let scalar = match op {
        Op::IsNull => ObjectBuilder::new().schema_type(Type::Boolean).build(),
        Op::Like | Op::Ilike | Op::JsonbLike | Op::JsonbNotLike => text().build(),
        _ => scalar(column.column_type()),
    };
    let takes_null =
        column.is_nullable() && column.column_type() != ColumnType::Text && matches!(op, Op::E | Op::Ne);
    if !takes_null {
        return RefOr::T(scalar.into());
    }
    let null = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["null"])).build();
    RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(scalar).item(null).build()))
}

fn item(column: &Column, op: Op) -> Object {
    match column.column_type() {
        ColumnType::Text | ColumnType::Jsonb => text().pattern(Some(ITEM)).build(),
        _ if op == Op::NotLikeAll => text().pattern(Some(ITEM)).build(),
        kind => scalar(kind),
    }
}

fn scalar(kind: ColumnType) -> Object {
    match kind {
        ColumnType::Bool => ObjectBuilder::new().schema_type(Type::Boolean).build(),
        ColumnType::Int2 => {
            let number = typed(Type::Integer, KnownFormat::Int32);
            number.minimum(Some(i16::MIN)).maximum(Some(i16::MAX)).build()
        }
        ColumnType::Int4 => typed(Type::Integer, KnownFormat::Int32).build(),
        ColumnType::Int8 => typed(Type::Integer, KnownFormat::Int64).build(),
        ColumnType::Float8 => typed(Type::Number, KnownFormat::Double).build(),
        ColumnType::Text => text().build(),
        ColumnType::Uuid => typed(Type::String, KnownFormat::Uuid).build(),
        ColumnType::Date => typed(Type::String, KnownFormat::Date).build(),
        ColumnType::Timestamptz => typed(Type::String, KnownFormat::DateTime).build(),
        ColumnType::Jsonb => text().content_media_type("application/json").build(),
    }
}

fn describe(column: &Column, op: Op) -> String {
    let name = column.name();
    let rows = match op {
        Op::E if column.is_nullable() => {
            format!("Rows whose `{name}` equals this. The word `null` means rows without a value.")
        }
        Op::E => format!("Rows whose `{name}` equals this."),
        Op::Ne if column.is_nullable() => {
            format!("Rows whose `{name}` has another value. The word `null` means rows with any value.")
        }
        Op::Ne => format!("Rows whose `{name}` has another value."),
        Op::Gt => format!("Rows whose `{name}` is greater than this."),
        Op::Gte => format!("Rows whose `{name}` is this or greater."),
        Op::Lt => format!("Rows whose `{name}` is less than this."),
        Op::Lte => format!("Rows whose `{name}` is this or less."),
        Op::In => format!("Rows whose `{name}` is one of these values, separated by commas."),
        Op::NotIn => {
            format!("Rows whose `{name}` has a value other than these, separated by commas.")
        }
        Op::Like => format!("Rows whose `{name}` contains this text."),
        Op::Ilike => format!("Rows whose `{name}` contains this text, in upper or lower case."),
        Op::NotLikeAll => {
            format!("Rows whose `{name}` has a value that contains none of these texts, separated by commas.")
        }
        Op::JsonbLike => format!("Rows whose `{name}`, written as JSON text, contains this text."),
        Op::JsonbNotLike => format!("Rows whose `{name}`, written as JSON text, does not contain this text."),
        Op::IsNull => {
            format!("`true`: rows whose `{name}` has no value. `false`: rows whose `{name}` has one.")
        }
    };
    let is_text = matches!(column.column_type(), ColumnType::Text | ColumnType::Jsonb);
    if op.takes_list() && is_text {
        format!(
            "{rows} Percent-encode a comma or a percent sign inside a value, in addition to the encoding of the URL."
        )
    } else {
        rows
    }
}
