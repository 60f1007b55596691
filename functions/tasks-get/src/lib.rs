//! `GET /api/v1/tasks/{uuid}/`: returns the status of a task.

use app_core::{
    App, Result,
    application::tasks,
    domain::{auth::Permission, tasks::Failure},
    infrastructure::repository::tasks::TaskView,
    interfaces::http::{Caller, Json, Request, SignedIn, openapi::MissingProblem},
};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Serialize, ToSchema)]
pub struct TaskResponse {
    uuid: Uuid,
    #[schema(example = "say_meow")]
    name: String,
    /// `queued`, `running`, `retrying`, `succeeded`, `failed` or `cancelled`. The last three are final, but
    /// an operator can retry a task that failed or was cancelled.
    status: String,
    /// The number of attempts that have started.
    attempts: i32,
    /// The task's result, once it has succeeded.
    #[schema(required)]
    result: Option<Value>,
    /// Why the last attempt failed: `invalid`, `not_allowed`, `not_found`, `conflict`, `unavailable`,
    /// `misconfigured`, `internal`, `superseded`, `set_aside` or `message_lost`.
    #[schema(required)]
    error_code: Option<&'static str>,
    /// The meaning of `error_code`, as a sentence.
    #[schema(required)]
    error: Option<&'static str>,
    #[serde(with = "app_core::domain::timestamp")]
    created_at: OffsetDateTime,
    #[serde(with = "app_core::domain::timestamp::option")]
    #[schema(required)]
    finished_at: Option<OffsetDateTime>,
}

/// Get a task
///
/// Returns one of your own tasks, or any task with the permission `tasks:read`. Without it, another user's
/// task gets 404, like a task that does not exist.
#[utoipa::path(
    get, path = "/api/v1/tasks/{uuid}/", tag = "tasks", operation_id = "get_task",
    params(("uuid" = Uuid, Path, description = "The task")),
    responses((status = 200, description = "The task", body = TaskResponse), MissingProblem),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<Json<TaskResponse>> {
    let owner = (!caller.may(Permission::TasksRead)).then_some(caller.user.uuid);
    let task = tasks::find(app.db()?, request.path_uuid("uuid", "task")?, owner).await?;
    Ok(Json(task.into()))
}

impl From<TaskView> for TaskResponse {
    fn from(task: TaskView) -> Self {
        Self {
            uuid: task.id,
            name: task.name,
            status: task.status,
            attempts: task.attempts,
            result: task.result,
            error_code: task.failure.map(Failure::as_str),
            error: task.failure.map(Failure::sentence),
            created_at: task.created_at,
            finished_at: task.finished_at,
        }
    }
}
