//! Table `audit_log`: rows are added in the transaction of what they tell, and never changed. The
//! role that functions use may not (see the migration).

use tokio_postgres::types::Type;

use crate::{
    domain::{Result, audit::Entry},
    infrastructure::db::Sql,
    telemetry,
};

pub async fn record(sql: &impl Sql, entry: &Entry) -> Result<()> {
    sql.execute(
        "insert into audit_log (action, outcome, actor, subject, ip, request_id, details)
         values ($1, $2, $3, $4, $5::text::inet, $6, $7)",
        &[
            (&entry.action.as_str(), Type::TEXT),
            (&entry.outcome.as_str(), Type::TEXT),
            (&entry.actor, Type::UUID),
            (&entry.subject, Type::UUID),
            (&entry.ip.map(|ip| ip.to_string()), Type::TEXT),
            (&telemetry::request_id(), Type::TEXT),
            (&entry.details, Type::JSONB),
        ],
    )
    .await?;
    Ok(())
}
