//! Sign-ups at a steady pace, and everything that follows from them.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use app_core::testing::event;
use serde_json::json;
use uuid::Uuid;

use test_support::wire::{
    control::{Control, Weather},
    drain::relay_once,
    mapping::Mapping,
    sandbox::{Invoked, Sandbox},
    world::World,
};

pub(crate) const PRODUCERS: usize = 3;
/// Between the beginnings of two sign-ups of one producer: together about 20 a second, which a
/// debug build on a small machine can do next to all other work.
const PACE: Duration = Duration::from_millis(150);

/// One sign-up.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) address: String,
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    /// Of its response; none when the function gave none.
    pub(crate) status: Option<u64>,
    pub(crate) said: String,
}

/// What a drill can do while the load is on.
#[derive(Debug)]
pub(crate) struct Load {
    over: AtomicBool,
    /// The mapping cannot reach the queue either.
    queue_away: AtomicBool,
    producers: Vec<Arc<Control>>,
    others: Vec<Arc<Control>>,
    samples: Mutex<Vec<Sample>>,
}

impl Load {
    /// How the queue's API is for everybody.
    pub(crate) fn set_weather(&self, weather: Weather) {
        self.queue_away.store(weather != Weather::Fair, Ordering::SeqCst);
        self.producers.iter().chain(&self.others).for_each(|control| control.set_weather(weather));
    }

    /// Sets the weather of the functions that sign users up, and of no other. If they cannot publish, the relay does.
    pub(crate) fn set_weather_of_producers(&self, weather: Weather) {
        self.producers.iter().for_each(|control| control.set_weather(weather));
    }

    pub(crate) fn over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// However a drill ends, the load ends with it.
struct Ends<'l>(&'l Load);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

/// How a drill has messages delivered, and who runs the relay.
#[derive(Clone, Copy)]
pub(crate) struct Hands {
    pub(crate) deliver: fn(&mut Mapping<'_>),
    pub(crate) relay: fn(&World, &mut Sandbox),
}

/// As it should be.
pub(crate) const USUAL: Hands = Hands {
    deliver: |mapping| {
        mapping.poll();
    },
    relay: |_, relay| relay_once(relay),
};

/// What was said in the sign-ups that ended otherwise than with one of these.
pub(crate) fn others<'s>(samples: &'s [Sample], expected: &[u64]) -> Vec<(Option<u64>, &'s str)> {
    let other = samples.iter().filter(|s| !s.status.is_some_and(|status| expected.contains(&status)));
    other.map(|sample| (sample.status, sample.said.as_str())).collect()
}

/// Puts the load on `world` for as long as `drill` takes, and returns every sign-up.
pub(crate) fn under_load(world: &World, hands: Hands, drill: impl FnOnce(&Load)) -> Vec<Sample> {
    let mut producers: Vec<Sandbox> = (0..PRODUCERS).map(|_| Sandbox::new(world, "auth-sign-up")).collect();
    let mut mappings = [Mapping::consumer(world), Mapping::worker(world), Mapping::mail(world)];
    let mut relay = Sandbox::new(world, "outbox-relay");
    let load = Load {
        over: AtomicBool::new(false),
        queue_away: AtomicBool::new(false),
        producers: producers.iter().map(Sandbox::control).collect(),
        others: mappings.iter().map(|m| m.sandbox.control()).chain([relay.control()]).collect(),
        samples: Mutex::default(),
    };
    std::thread::scope(|scope| {
        let load = &load;
        let _ends = Ends(load);
        for producer in &mut producers {
            scope.spawn(move || sign_up_until_over(producer, load));
        }
        for mapping in &mut mappings {
            scope.spawn(move || {
                while !load.over() {
                    if !load.queue_away.load(Ordering::SeqCst) {
                        (hands.deliver)(mapping);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
        scope.spawn(|| {
            while !load.over() {
                (hands.relay)(world, &mut relay);
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        drill(load);
    });
    load.samples.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn sign_up_until_over(producer: &mut Sandbox, load: &Load) {
    while !load.over() {
        let sample = sign_up(producer);
        let took = sample.took;
        load.samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        std::thread::sleep(PACE.saturating_sub(took));
    }
}

/// Signs up somebody new.
pub(crate) fn sign_up(producer: &mut Sandbox) -> Sample {
    let address = format!("{}@example.com", Uuid::new_v4().simple());
    let body = json!({ "email": address, "password": "correct horse battery" });
    let request = event("auth-sign-up").body(&body).to_string();
    let began = Instant::now();
    let response = producer.invoke(&request, None);
    let took = began.elapsed();
    let (status, said) = match response {
        Invoked::Response(response) => (response["statusCode"].as_u64(), response.to_string()),
        other => (None, format!("{other:?}")),
    };
    Sample { address, began, took, status, said }
}

/// Expects everybody who was told that the sign-up succeeded to be there.
#[track_caller]
pub(crate) fn assert_none_lost(world: &World, samples: &[Sample]) {
    let rows = world.database.rows("select email from users", &[]);
    let there: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let is_lost = |sample: &&Sample| sample.status == Some(200) && !there.contains(&sample.address);
    let lost: Vec<&Sample> = samples.iter().filter(is_lost).collect();
    assert!(lost.is_empty(), "signed up and gone: {lost:?}");
}

/// The users that are there now, whose events therefore were committed.
pub(crate) fn committed(world: &World) -> Vec<Uuid> {
    world.database.rows("select uuid from users", &[]).iter().map(|row| row.get(0)).collect()
}

/// The duration that this share (0 to 1) of the samples does not exceed.
pub(crate) fn quantile<'s>(samples: impl Iterator<Item = &'s Sample>, share: f64) -> Duration {
    let mut took: Vec<Duration> = samples.map(|sample| sample.took).collect();
    assert!(took.len() >= 20, "only {} samples: too few to say anything", took.len());
    took.sort_unstable();
    took[((took.len() - 1) as f64 * share).round() as usize]
}
