//! A request that changes something about one user, to a function that dies anywhere: killed at every point, looked
//! at, and asked again.

use std::ops::Range;

use test_support::wire::{
    sandbox::{Invoked, Sandbox},
    world::World,
};
use uuid::Uuid;

use crate::{
    points::Scene,
    sweep::{Death, sweep},
    volume::Volume,
};

/// One change, from the old state to the new one.
pub(crate) struct Change<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) function: &'a str,
    /// Makes a user who has the old state, and returns the request.
    pub(crate) prepare: &'a dyn Fn(&World) -> (Uuid, String),
    /// Returns everything that changes, as one text; and that text before and after.
    pub(crate) state: &'a dyn Fn(&World, Uuid) -> String,
    pub(crate) old: &'a str,
    pub(crate) new: &'a str,
    /// The status of the first response, and of a repetition when the change has happened already.
    pub(crate) done: Range<u64>,
    pub(crate) again: Range<u64>,
}

pub(crate) const SUCCESS: Range<u64> = 200..300;

pub(crate) fn status(response: &Invoked) -> u64 {
    let Invoked::Response(response) = response else { panic!("no response: {response:?}") };
    response["statusCode"].as_u64().unwrap_or_else(|| panic!("no status: {response}"))
}

/// Asks as a client does. 503: Postgres has not noticed yet that a killed process is gone.
pub(crate) fn ask_again(sandbox: &mut Sandbox, request: &str) -> Invoked {
    let mut response = sandbox.invoke(request, None);
    for _ in 0..5 {
        if status(&response) == 503 {
            response = sandbox.invoke(request, None);
        }
    }
    response
}

/// Kills the function at every point of the scene. After each death the state is the old or the new one, and a
/// repetition leads to the new one.
pub(crate) fn killed_anywhere(change: &Change<'_>) {
    let volume = Volume::chosen();
    let world = World::new();
    let state = |user: Uuid| (change.state)(&world, user);
    let (mut first, mut second) =
        (Sandbox::new(&world, change.function), Sandbox::new(&world, change.function));
    let (user, request) = (change.prepare)(&world);
    assert_eq!(state(user), change.old);
    assert!(change.done.contains(&status(&first.invoke(&request, None))));
    let taken = first.steps();
    assert_eq!(state(user), change.new);
    let (mut olds, mut news) = (0, 0);
    sweep(change.scene, &taken, volume.events, volume, |death| {
        let (user, request) = (change.prepare)(&world);
        let response = first.invoke(&request, death.trap());
        let killed = match (&response, death) {
            (Invoked::Killed, _) => true,
            (response, Death::BeforeTheResponseArrives) => {
                assert!(change.done.contains(&status(response)));
                first.kill();
                true
            }
            (response, Death::OnTheWire(_)) => panic!("not killed: {response:?}"),
        };
        let between = state(user);
        let is_old = between == change.old;
        assert!(is_old || between == change.new, "{death:?} left half of it: {between}");
        olds += usize::from(is_old);
        news += usize::from(!is_old);
        let mut response = status(&ask_again(&mut second, &request));
        // A commit that was under way when the state was read may succeed while this request runs. Then two requests
        // run at once, and this one is refused. Its client asks again.
        if is_old && response == 422 {
            response = status(&ask_again(&mut second, &request));
        }
        let is_expected = (is_old && change.done.contains(&response)) || change.again.contains(&response);
        assert!(is_expected, "{death:?}, then asked again: {response}");
        assert_eq!(state(user), change.new, "{death:?}, then asked again");
        killed
    });
    assert!(olds > 0 && news > 0, "no state was met on both sides of the commit: {olds}, {news}");
}
