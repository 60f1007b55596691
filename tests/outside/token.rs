//! The token that is the password of a database: AWS's own library for Python signs the same.

use std::{path::PathBuf, process::Command, time::Duration};

use app_core::{
    config::AwsConfig, domain::mask::Secret, infrastructure::db::database_token, testing::setting,
};
use serde_json::json;

/// Signs as `aws rds generate-db-auth-token` does, at a given time.
const BOTOCORE: &str = "
import datetime, json, sys
import botocore.auth, botocore.session
given = json.loads(sys.argv[1])
now = datetime.datetime.fromtimestamp(given['at'], datetime.timezone.utc)
assert hasattr(botocore.auth, 'get_current_datetime'), 'botocore asks another clock'
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: now.replace(tzinfo=None) if remove_tzinfo else now
session = botocore.session.Session()
session.set_credentials(given['id'], given['secret'], given['token'])
client = session.create_client('rds', region_name=given['region'])
print(client.generate_db_auth_token(given['host'], given['port'], given['user']))";

/// The parts of a token: what is in front of the query, and the query in the order of its names.
fn parts(token: &str) -> (&str, Vec<&str>) {
    let (address, query) = token.split_once('?').expect("a query");
    let mut all: Vec<_> = query.split('&').collect();
    all.sort_unstable();
    (address, all)
}

#[test]
fn a_token_for_the_database_has_the_signature_that_another_library_computes() {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let host = "app.c0ffee.eu-central-1.rds.amazonaws.com";
    for (token, user, at) in [
        (None, "app", 1_700_000_000_u64),
        (Some("IQoJb3JpZ2luX2VjEBYaDGV1LWNlbnRyYWwtMSJH+/==&?%"), "migrator", 1_767_225_599),
    ] {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let aws = AwsConfig {
            region: "eu-central-1".into(),
            endpoint_url: None,
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new(secret.into()),
            session_token: token.map(|token| Secret::new(token.to_owned())),
        };
        let now = std::time::UNIX_EPOCH + Duration::from_secs(at);
        let ours = database_token(&aws, host, 5432, user, now).expect("a token");
        let given = json!({
            "id": "AKIDEXAMPLE", "secret": secret, "token": token, "region": "eu-central-1",
            "host": host, "port": 5432, "user": user, "at": at,
        });
        let output =
            Command::new(&python).args(["-c", BOTOCORE, &given.to_string()]).output().expect("Python");
        let theirs = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(parts(&ours), parts(theirs.trim()));
        assert!(ours.contains("X-Amz-Signature="), "{ours}");
    }
}
