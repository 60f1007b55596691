use app_core::testing::TestApp;
use time::Duration;

use crate::support::{count, me, refresh, sign_in, signed_in};

#[tokio::test]
async fn a_refresh_returns_a_new_pair_that_works() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    app.clock.advance(Duration::seconds(1));
    let second = refresh(&app, &first.text("/refresh")).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(second.body["user_data"], first.body["user_data"]);
    assert_ne!(second.text("/access"), first.text("/access"));
    assert_ne!(second.text("/refresh"), first.text("/refresh"));
    assert_eq!(me(&app, &second.text("/access")).await.status, 200);
    assert_eq!(refresh(&app, &second.text("/refresh")).await.status, 200);
}

#[tokio::test]
async fn the_access_token_of_the_generation_before_is_good_until_it_expires() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    refresh(&app, &first.text("/refresh")).await;
    assert_eq!(me(&app, &first.text("/access")).await.status, 200);
    assert_eq!(
        count(&app, "select count(*) from auth_session where seen_at is not null").await,
        0,
        "an old token marks nothing"
    );
    app.clock.advance(Duration::minutes(5));
    me(&app, &first.text("/access")).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn tokens_end_with_their_time() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    app.clock.advance(Duration::minutes(5) - Duration::seconds(1));
    assert_eq!(me(&app, &pair.text("/access")).await.status, 200);
    app.clock.advance(Duration::seconds(1));
    me(&app, &pair.text("/access")).await.is_error(401, "unauthenticated");
    app.clock.advance(Duration::days(5));
    refresh(&app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_sign_in_however_often_it_is_refreshed() {
    let app = TestApp::new().await;
    let mut token = signed_in(&app).await.text("/refresh");
    for _ in 0..7 {
        app.clock.advance(Duration::days(4));
        token = refresh(&app, &token).await.text("/refresh");
    }
    app.clock.advance(Duration::days(2));
    refresh(&app, &token).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn one_kind_of_token_is_not_the_other() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    refresh(&app, &pair.text("/access")).await.is_error(401, "unauthenticated");
    me(&app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn a_deactivated_or_deleted_user_is_out_at_the_next_request() {
    for change in ["update users set is_active = false", "delete from users"] {
        let app = TestApp::new().await;
        let pair = signed_in(&app).await;
        assert_eq!(me(&app, &pair.text("/access")).await.status, 200);
        app.database.client().await.execute(change, &[]).await.expect(change);
        me(&app, &pair.text("/access")).await.is_error(401, "unauthenticated");
        refresh(&app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
        sign_in(&app, "ada@example.com", "correct horse battery").await.is_error(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_revoked_session_is_out_and_another_one_is_not() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    app.clock.advance(Duration::seconds(1));
    let second = sign_in(&app, "ada@example.com", "correct horse battery").await;
    app.database.client().await
        .execute("update auth_session set revoked_at = now(), revoke_reason = 'test' where created_at = (select min(created_at) from auth_session)", &[])
        .await.expect("revoke");
    me(&app, &first.text("/access")).await.is_error(401, "unauthenticated");
    refresh(&app, &first.text("/refresh")).await.is_error(401, "unauthenticated");
    assert_eq!(me(&app, &second.text("/access")).await.status, 200);
}
