use app_core::{
    Error,
    domain::{
        auth::Client,
        users::{Email, Password, PasswordAttempt, PasswordPolicy, Phone},
    },
    testing::TestApp,
};

fn password() -> Password {
    let attempt = PasswordAttempt::parse("correct horse battery").expect("a possible password");
    PasswordPolicy { min_length: 8 }.accept(&attempt, None).expect("a good password")
}

#[tokio::test]
async fn a_user_is_made_by_phone_and_a_number_belongs_to_one() {
    let app = TestApp::new().await;
    let users = app.app.users().expect("users");
    let phone = |text| Phone::parse(text).expect("a good number");
    let created = users
        .create_by_phone(phone("+49 151 2345678"), &password(), Client::default())
        .await
        .expect("a user");
    assert_eq!((created.user.phone.as_deref(), created.user.email), (Some("+491512345678"), None));
    assert_eq!(created.outgoing.len(), 1, "the event waits to be sent");
    let again = users.create_by_phone(phone("+49 (151) 2345678"), &password(), Client::default()).await;
    assert!(matches!(&again, Err(Error::AlreadyExists(key)) if key == "phone"), "{again:?}");
}

#[tokio::test]
async fn a_new_user_is_active_and_no_guest_with_empty_meta() {
    let app = TestApp::new().await;
    let email = Email::parse("ada@example.com").expect("a good address");
    let user = app
        .app
        .users()
        .expect("users")
        .create_by_email(email, &password(), Client::default())
        .await
        .expect("a user")
        .user;
    assert_eq!((user.is_active, user.is_guest, user.meta), (true, false, serde_json::json!({})));
    assert_eq!(user.created_at, user.updated_at);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_address_in_other_letters() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let insert = "insert into users (email) values ('ada@example.com'), ('ADA@example.com')";
    let error = client.batch_execute(insert).await.expect_err("a unique violation");
    assert_eq!(error.as_db_error().and_then(|e| e.constraint()), Some("users_email_key"));
}
