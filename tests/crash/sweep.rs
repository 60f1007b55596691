//! Kills a process at each point of a scene. Every run has a new world.
use test_support::wire::{
    control::Trap,
    drain::Crew,
    mapping::{Delivered, Mapping, Record},
};

use crate::{
    points::{Point, RESPONSE, Scene},
    volume::Volume,
};

/// What one process is to die of.
#[derive(Debug, Clone)]
pub(crate) enum Death {
    OnTheWire(Trap),
    /// It gives a response, is killed, and nobody gets to see the response.
    BeforeTheResponseArrives,
}

impl Death {
    pub(crate) fn trap(&self) -> Option<&Trap> {
        match self {
            Self::OnTheWire(trap) => Some(trap),
            Self::BeforeTheResponseArrives => None,
        }
    }
}

/// Sweeps all points of a scene once. `taken` are the steps of a run in which nobody died; `round`
/// is called `rounds` times for each point and says whether the process died as it should.
///
/// # Panics
/// When the steps are not those of the table, or a point killed nobody.
pub(crate) fn sweep(
    scene: &Scene,
    taken: &[String],
    rounds: usize,
    volume: Volume,
    mut round: impl FnMut(&Death) -> bool,
) {
    let times = scene.compare(taken);
    // Counted over all rounds: a step that is taken often is met at its first, second, third …
    let mut number = 0;
    for point in scene.points() {
        let killed = (0..rounds).filter(|_| {
            number += 1;
            round(&death(point, &times, number))
        });
        let killed = killed.count();
        assert!(killed > 0, "{}: nobody was killed at {point:?}", scene.name);
        volume.progress(&format!("{}: {:?} `{}`: {killed} killed", scene.name, point.moment, point.label));
    }
}

fn death(point: Point, times: &[(&str, usize)], number: usize) -> Death {
    if point.label == RESPONSE {
        return Death::BeforeTheResponseArrives;
    }
    let often = times.iter().find(|(label, _)| *label == point.label).map_or(1, |(_, times)| *times);
    Death::OnTheWire(Trap { label: point.label.to_owned(), nth: 1 + number % often, moment: point.moment })
}

/// The same for a function that a queue feeds. The first batch is handed over in peace, to see the
/// steps; each other one to be killed over. Then all that nobody has seen a response to comes again,
/// and everything is worked off.
pub(crate) fn sweep_deliveries<'w>(
    scene: &Scene,
    rounds: usize,
    volume: Volume,
    crew: &mut Crew<'w>,
    whose: for<'c> fn(&'c mut Crew<'w>) -> &'c mut Mapping<'w>,
    mut batch: impl FnMut(&mut Crew<'w>, &mut Vec<Record>) -> Vec<Record>,
) {
    let mut held = Vec::new();
    let records = batch(crew, &mut held);
    let clean = whose(crew).deliver(&records, None);
    assert_eq!(clean, Delivered::Answered { failed: Vec::new() });
    let taken = whose(crew).sandbox.steps();
    whose(crew).settle(&records, &clean);

    sweep(scene, &taken, rounds, volume, |death| {
        let records = batch(crew, &mut held);
        let died = deliver_and_die(whose(crew), &records, death);
        held.extend(records);
        died
    });

    whose(crew).release(&held);
    crew.drain();
}

/// Whether it died as it should.
fn deliver_and_die(mapping: &mut Mapping<'_>, records: &[Record], death: &Death) -> bool {
    let delivered = mapping.deliver(records, death.trap());
    match death {
        Death::OnTheWire(_) => delivered == Delivered::Killed,
        Death::BeforeTheResponseArrives => {
            mapping.kill(records);
            matches!(delivered, Delivered::Answered { .. })
        }
    }
}
