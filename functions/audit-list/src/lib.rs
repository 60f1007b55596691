//! `GET /api/v1/audit/`: lists the events of the audit log.

use std::net::IpAddr;

use app_core::{
    App, Result,
    domain::audit::Recorded,
    infrastructure::query::Op,
    interfaces::http::{Allowed, AuditRead, Json, KeyOrCaller, ListQuery, ListResponse, Request},
    response,
};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{
    IntoParams, ToSchema,
    openapi::path::{Parameter, ParameterIn},
};
use uuid::Uuid;

response! {
    #[derive(Debug, Serialize, ToSchema)]
    pub struct AuditResponse from Recorded {
        id: i64,
        #[serde(with = "app_core::domain::timestamp")]
        at: OffsetDateTime,
        #[schema(example = "sign_in")]
        action: String,
        /// `success` or `failure`.
        outcome: String,
        /// The user who acted. Null if the user is unknown, or if an operator acted.
        #[schema(required)]
        actor: Option<Uuid>,
        /// The user whose account was affected. The user may have been deleted since.
        #[schema(required)]
        subject: Option<Uuid>,
        #[schema(required, value_type = Option<String>)]
        ip: Option<IpAddr>,
        #[schema(required)]
        request_id: Option<String>,
        /// More facts, which depend on the action.
        #[schema(value_type = Object)]
        details: Value,
    }
}

const ALLOWED: Allowed = Allowed {
    filters: &[
        ("at", &[Op::Gt, Op::Gte, Op::Lt, Op::Lte]),
        ("action", &[Op::E, Op::Ne, Op::In, Op::NotIn]),
        ("outcome", &[Op::E]),
        ("actor", &[Op::E, Op::IsNull]),
        ("subject", &[Op::E, Op::IsNull]),
        ("request_id", &[Op::E]),
    ],
    spelled: &[],
    orders: &["id"],
    default_order: &["-id"],
    default_limit: 25,
    max_limit: 100,
};

/// Describes the query parameters that `ALLOWED` accepts.
struct Parameters;

impl IntoParams for Parameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        ALLOWED.parameters::<Recorded>()
    }
}

/// Read the audit log
///
/// Filters are `column=value` and `column__op=value`: `subject=…`, `action__in=sign_in,sign_out`,
/// `at__gte=2026-01-01T00:00:00Z`. A row must match all filters.
#[utoipa::path(
    get, path = "/api/v1/audit/", tag = "audit", operation_id = "list_audit",
    params(Parameters),
    responses(
        (status = 200, description = "A page of the audit log", body = ListResponse<AuditResponse>),
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    _: KeyOrCaller<AuditRead>,
) -> Result<Json<ListResponse<AuditResponse>>> {
    let allowed = Allowed { default_limit: app.config().api_default_limit, ..ALLOWED };
    let query = ListQuery::parse::<Recorded>(request.query(), &allowed)?;
    let listed = query.run::<Recorded>(&app.db()?.conn().await?).await?;
    Ok(Json(listed.into()))
}
