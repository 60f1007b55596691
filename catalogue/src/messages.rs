//! What travels on the queues, with its schema: `docs/messages.json`. A new event or task is one
//! line in `document`.

use app_core::{
    application::tasks::{
        Task, clean_up::CleanUp, recover_tasks::RecoverTasks, say_meow::SayMeow, security_mail::SecurityMail,
        welcome_mail::WelcomeMail,
    },
    domain::{
        auth::events::{ApiKeyCreated, SessionReuseDetected, SignInSlowed},
        event::Event,
        users::events::UserCreated,
    },
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Pretty JSON: by name, the JSON Schema of each event's `data` and of each task's `args`.
pub fn document() -> String {
    let document = json!({
        "events": all([
            event::<UserCreated>(),
            event::<SessionReuseDetected>(),
            event::<SignInSlowed>(),
            event::<ApiKeyCreated>(),
        ]),
        "tasks": all([
            task::<SayMeow>(),
            task::<WelcomeMail>(),
            task::<SecurityMail>(),
            task::<CleanUp>(),
            task::<RecoverTasks>(),
        ]),
    });
    serde_json::to_string_pretty(&document).expect("json")
}

fn event<E: Event + ToSchema>() -> (&'static str, Value) {
    (E::NAME, json!({ "v": E::VERSION, "data": schema::<E>() }))
}

fn task<T: Task + ToSchema>() -> (&'static str, Value) {
    (T::NAME, json!({ "max_attempts": T::MAX_ATTEMPTS, "args": schema::<T>() }))
}

fn schema<T: ToSchema>() -> Value {
    serde_json::to_value(T::schema()).expect("a schema")
}

fn all<const N: usize>(named: [(&str, Value); N]) -> Map<String, Value> {
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
