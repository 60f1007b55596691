//! Two users, and all that a body could change about them.

use app_core::{
    domain::auth::Permission,
    interfaces::http::Access,
    testing::{Event, TestApp, event},
};
use serde_json::json;

use crate::{
    matrix::declared,
    support::{Response, allow, confirm_addresses, sign_in, sign_up},
};

const PASSWORD: &str = "correct horse battery";

/// Ada may do everything and asks; Bob is whom she asks about.
pub(crate) struct World {
    pub(crate) app: TestApp,
    bob: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let app = TestApp::new().await;
        assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
        let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
        confirm_addresses(&app).await;
        allow(&app, &Permission::ALL.map(Permission::as_str)).await;
        Self { app, bob }
    }

    pub(crate) async fn sign_in(&self) -> Response {
        let response = sign_in(&self.app, "ada@example.com", PASSWORD).await;
        assert_eq!(response.status, 200, "{response:?}");
        response
    }

    /// Returns the sample event of this endpoint, as Ada would send it.
    pub(crate) fn of(&self, name: &str, pair: &Response) -> Event {
        let mut event = event(name);
        if name.starts_with("users-") && event.0["pathParameters"].is_object() {
            event.0["pathParameters"] = json!({ "uuid": self.bob });
        }
        match declared(name) {
            Access::Public => event,
            Access::RefreshToken => event.bearer(&pair.text("/refresh")),
            _ => event.bearer(&pair.text("/access")),
        }
    }

    /// Returns the text of one row.
    async fn text(&self, query: &str) -> String {
        self.app.database.client().await.query_one(query, &[]).await.expect("a row").get(0)
    }

    /// Returns all that a body could have changed.
    pub(super) async fn rows(&self) -> String {
        let rows = "select concat_ws(E'\\n',
              (select jsonb_agg(u order by u.id) from users u),
              (select jsonb_agg(r order by r.user_uuid, r.role) from user_role r),
              (select jsonb_agg(r order by r.name) from role r),
              (select jsonb_agg(k order by k.id) from api_key k))";
        self.text(rows).await
    }

    /// Returns who Ada and Bob are and what they may do, without the fields that they or an administrator may change.
    pub(super) async fn rights(&self) -> String {
        let rights = "select concat_ws(E'\\n',
              (select jsonb_agg(to_jsonb(u) - array['password_hashed', 'epoch', 'updated_at', 'first_name', 'last_name',
                  'birthday', 'photo', 'street', 'city', 'state', 'zip_code', 'country', 'meta'] order by u.id)
                from users u where email = 'ada@example.com' or email = 'bob@example.com'),
              (select jsonb_agg(r order by r.user_uuid, r.role) from user_role r),
              (select jsonb_agg(r order by r.name) from role r))";
        self.text(rights).await
    }
}
