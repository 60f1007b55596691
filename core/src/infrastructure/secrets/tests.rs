use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::infrastructure::deadline::tests::Wall;

/// Counts how often it is asked, and responds with the count.
#[derive(Default)]
struct Counting {
    asked: AtomicUsize,
    down: AtomicBool,
    slow: AtomicBool,
}

impl Store for Arc<Counting> {
    fn fetch<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Arc<str>>> {
        async move {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let slow = self.slow.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(if slow { 2 } else { 0 })).await;
            if self.down.load(Ordering::SeqCst) {
                return Err(Error::unavailable("secret store", "down"));
            }
            Ok(Arc::from(number.to_string()))
        }
        .boxed()
    }
}

fn secrets() -> (Arc<Counting>, Secrets) {
    let store = Arc::new(Counting::default());
    (store.clone(), Secrets::over(Box::new(store)))
}

async fn text(secrets: &Secrets) -> String {
    secrets.stored("a").await.map(|text| text.to_string()).unwrap_or_else(|error| error.code().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_fetched_once_in_its_time() {
    let (_, secrets) = secrets();
    assert_eq!((text(&secrets).await, text(&secrets).await), ("1".into(), "1".into()));
    tokio::time::advance(TTL - Duration::from_secs(1)).await;
    assert_eq!(text(&secrets).await, "1");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(text(&secrets).await, "2");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_frozen_wakes_with_an_old_secret_and_fetches_it() {
    let (_, secrets) = secrets();
    let clock = Arc::new(Wall::default());
    let secrets = Secrets { clock: clock.clone(), ..secrets };
    assert_eq!(text(&secrets).await, "1");
    clock.advance(time::Duration::seconds(299));
    assert_eq!(text(&secrets).await, "1");
    clock.advance(time::Duration::seconds(1));
    assert_eq!(text(&secrets).await, "2");
    // Set back it does no harm: the other clock tells.
    clock.advance(time::Duration::hours(-5));
    tokio::time::advance(TTL).await;
    assert_eq!(text(&secrets).await, "3");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_down_a_known_value_is_used_and_the_store_rarely_asked() {
    let (store, secrets) = secrets();
    text(&secrets).await;
    tokio::time::advance(TTL).await;
    store.down.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(text(&secrets).await, "1");
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 2);
    tokio::time::advance(RETRY).await;
    store.down.store(false, Ordering::SeqCst);
    assert_eq!(text(&secrets).await, "3");
}

#[tokio::test(start_paused = true)]
async fn fifty_requests_at_once_ask_the_store_once_also_while_it_is_down() {
    let (store, secrets) = secrets();
    let fifty = async || futures_util::future::join_all((0..50).map(|_| text(&secrets))).await;
    assert!(fifty().await.iter().all(|text| text == "1"));
    tokio::time::advance(TTL).await;
    // One waits for the store, which is slow, and the others use the old value.
    store.slow.store(true, Ordering::SeqCst);
    assert_eq!(fifty().await.iter().filter(|text| *text == "2").count(), 1);
    tokio::time::advance(TTL).await;
    store.down.store(true, Ordering::SeqCst);
    assert!(fifty().await.iter().all(|text| text == "2"));
    assert_eq!(store.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_value_of_a_store_that_is_down_is_an_error() {
    let (store, secrets) = secrets();
    store.down.store(true, Ordering::SeqCst);
    assert_eq!(text(&secrets).await, "unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_did_not_work_is_fetched_again_once() {
    let (store, secrets) = secrets();
    text(&secrets).await;
    for _ in 0..3 {
        assert_eq!(&*secrets.get_newer("a", "1").await.expect("a value"), "2");
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 2);
}
