//! `GET /api/v1/users/`: lists users for an administrator.

use app_core::{
    App, Result,
    domain::users::{Email, User},
    infrastructure::query::Op,
    interfaces::http::{
        Allowed, Json, KeyOrCaller, ListQuery, ListResponse, Request, UserResponse, UsersRead,
    },
};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

const TEXT: &[Op] = &[Op::E, Op::Ne, Op::In, Op::NotIn, Op::Like, Op::Ilike, Op::NotLikeAll, Op::IsNull];
const TIME: &[Op] = &[Op::Gt, Op::Gte, Op::Lt, Op::Lte];

/// The password hash is not in the list: a filter could tell which users have a password.
const ALLOWED: Allowed = Allowed {
    filters: &[
        ("id", &[Op::E, Op::In, Op::Gt, Op::Lt]),
        ("uuid", &[Op::E, Op::In]),
        ("email", TEXT),
        ("phone", TEXT),
        ("first_name", TEXT),
        ("last_name", TEXT),
        ("city", TEXT),
        ("country", TEXT),
        ("is_active", &[Op::E]),
        ("is_guest", &[Op::E]),
        ("meta", &[Op::E, Op::Ne, Op::In, Op::JsonbLike, Op::JsonbNotLike, Op::IsNull]),
        ("created_at", TIME),
        ("updated_at", TIME),
    ],
    spelled: &[("email", Email::forms_of)],
    orders: &["id", "email", "last_name", "created_at", "updated_at"],
    default_order: &["-id"],
    default_limit: 25,
    max_limit: 100,
};

/// Describes the query parameters that `ALLOWED` accepts.
struct Parameters;

impl IntoParams for Parameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        ALLOWED.parameters::<User>()
    }
}

/// List users
///
/// Filters are `column=value` and `column__op=value`: `email__ilike=ada`, `is_active=false`,
/// `created_at__gte=2026-01-01T00:00:00Z`, `meta__theme__e=dark`. A row must match all filters. `email` with `e`, `ne`,
/// `in` or `not_in` compares addresses in all their spellings. `like`, `ilike` and `order` use the address as
/// it was typed.
#[utoipa::path(
    get, path = "/api/v1/users/", tag = "users", operation_id = "list_users",
    params(Parameters),
    responses(
        (status = 200, description = "A page of users", body = ListResponse<UserResponse>),
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    _: KeyOrCaller<UsersRead>,
) -> Result<Json<ListResponse<UserResponse>>> {
    let allowed = Allowed { default_limit: app.config().api_default_limit, ..ALLOWED };
    let query = ListQuery::parse::<User>(request.query(), &allowed)?;
    let listed = query.run::<User>(&app.db()?.conn().await?).await?;
    Ok(Json(listed.into()))
}
