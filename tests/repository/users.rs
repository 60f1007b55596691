use app_core::{
    Error,
    domain::{
        auth::Client,
        users::{Email, NewUser, Password, PasswordAttempt, PasswordPolicy, Phone, User},
    },
    infrastructure::{
        messaging::Outgoing,
        query::{ColumnType, Entity},
        repository::emails,
    },
    testing::TestApp,
};

fn password() -> Password {
    let attempt = PasswordAttempt::parse("correct horse battery").expect("a possible password");
    PasswordPolicy { min_length: 8, words: Vec::new() }.accept(&attempt, &[]).expect("a good password")
}

/// Creates a user, and returns what is to be sent.
async fn create(
    app: &TestApp,
    email: Option<Email>,
    phone: Option<Phone>,
) -> Result<(User, Vec<Outgoing>), Error> {
    let users = app.app.users()?;
    let new = NewUser { email, phone, password: Some(users.hash(&password()).await?) };
    let mut conn = app.app.db()?.conn().await?;
    let mut tx = conn.begin().await?;
    let user = users.create(&mut tx, &new, Client::default()).await?;
    Ok((user, tx.commit().await?))
}

#[tokio::test]
async fn a_user_is_made_by_phone_and_a_number_belongs_to_one() {
    let app = TestApp::new().await;
    let phone = |text| Some(Phone::parse(text).expect("a good number"));
    let (user, outgoing) = create(&app, None, phone("+49 151 2345678")).await.expect("a user");
    assert_eq!((user.phone.as_deref(), user.email), (Some("+491512345678"), None));
    assert_eq!(outgoing.len(), 1, "the event waits to be sent");
    let again = create(&app, None, phone("+49 (151) 2345678")).await;
    assert!(matches!(&again, Err(Error::AlreadyExists(key)) if key == "phone"), "{again:?}");
}

#[tokio::test]
async fn a_new_user_is_active_and_no_guest_with_empty_meta() {
    let app = TestApp::new().await;
    let email = Email::parse("ada@example.com").expect("a good address");
    let (user, _) = create(&app, Some(email), None).await.expect("a user");
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

/// Postgres and this code compute the same rough form, or an old row is not found.
#[tokio::test]
async fn an_old_row_is_found_by_its_rough_form() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let conn = app.app.db().expect("a pool").conn().await.expect("a connection");
    for (stored, looked_for) in [
        ("straße@example.com", "STRASSE@example.com"),
        ("οδος@example.gr", "ΟΔΟΣ@example.gr"),
        ("ada@\u{1112}\u{1161}\u{11ab}.example", "ada@xn--6q8b.example"),
        ("ｍixed@ｅxample.com", "mixed@example.com"),
        ("ﬁona@example.com", "fiona@example.com"),
        ("ada@example。com", "ada@example.com"),
        ("ADA@XN--MNCHEN-3YA.de", "ada@münchen.de"),
    ] {
        client.batch_execute("delete from users").await.expect("no users");
        let insert = "insert into users (email) values ($1) returning uuid";
        let user: uuid::Uuid = client.query_one(insert, &[&stored]).await.expect("a user").get(0);
        let email = Email::parse(looked_for).expect("an address");
        assert_eq!(
            emails::owner(&conn, &email).await.expect("a look"),
            Some(user),
            "{stored} as {looked_for}"
        );
    }
}

/// The name that Postgres gives to a column's type.
fn type_name(of: ColumnType) -> &'static [&'static str] {
    match of {
        ColumnType::Bool => &["bool"],
        ColumnType::Int2 => &["int2"],
        ColumnType::Int4 => &["int4"],
        ColumnType::Int8 => &["int8"],
        ColumnType::Float8 => &["float8"],
        ColumnType::Text => &["text", "varchar"],
        ColumnType::Uuid => &["uuid"],
        ColumnType::Date => &["date"],
        ColumnType::Timestamptz => &["timestamptz"],
        ColumnType::Jsonb => &["jsonb"],
    }
}

#[tokio::test]
async fn the_columns_of_the_entity_are_those_of_the_table() {
    let app = TestApp::new().await;
    let query = "select column_name::text, udt_name::text, is_nullable = 'YES', character_maximum_length::int4
                 from information_schema.columns where table_schema = current_schema() and table_name = 'users'";
    let rows = app.database.client().await.query(query, &[]).await.expect("the columns");
    let table: Vec<(String, String, bool, Option<i32>)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    for (name, type_of, nullable, length) in &table {
        let column = User::column(name).unwrap_or_else(|| panic!("COLUMNS of User lacks `{name}`"));
        assert!(type_name(column.column_type()).contains(&type_of.as_str()), "{name} is {type_of}");
        assert_eq!(column.is_nullable(), *nullable, "whether {name} may be null");
        assert_eq!(column.max_chars(), length.map(|length| length as usize), "the length of {name}");
    }
    assert_eq!(table.len(), User::COLUMNS.len(), "COLUMNS of User has a column that the table lacks");
}

#[test]
fn a_request_may_be_as_long_as_its_column() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let document: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the document")).expect("JSON");
    let fields = document["components"]["schemas"]["UpdateMeRequest"]["properties"].as_object();
    let mut compared = 0;
    for (name, schema) in fields.expect("the fields of a profile") {
        let column = User::column(name).unwrap_or_else(|| panic!("there is no column `{name}`"));
        if let Some(length) = column.max_chars() {
            assert_eq!(schema["maxLength"], length, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 5, "{compared} fields have a length");
}
