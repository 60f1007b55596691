//! A deployment that cannot migrate until its parameters change.

use crate::{
    deploy::{Place, errors},
    operator::out,
};

/// The function `migrate` has the environment of the deployment before. So a wrong host would stop every deployment,
/// also the one that corrects it.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_is_mended_by_a_deployment_that_migrates_last() {
    let mut place = Place::new().with_database().await;
    place.build(|_| String::new());
    let right = place.parameters["DatabaseHost"].clone();
    place.parameters.insert("DatabaseHost".to_owned(), "127.0.0.2".to_owned());
    let first = errors(&place.deploy(&[]));
    assert!(first.contains("the migrations failed: ") && first.contains("--migrate-last"), "{first}");

    place.parameters.insert("DatabaseHost".to_owned(), right);
    let again = place.deploy(&[]);
    assert!(!again.status.success() && errors(&again).contains("the migrations failed: "), "{again:?}");
    let mended = place.deploy(&["--migrate-last"]);
    assert!(errors(&mended).contains("applied "), "{mended:?}");
    assert!(out(&mended).contains("Release 2 is live"), "{mended:?}");
}
