//! The queue delivers twice, and backwards.

use std::time::Duration;

use test_support::wire::{drain::Crew, ledger::assert_exactly_once, mapping::Mapping, world::World};

use crate::{
    alone,
    load::{Hands, USUAL, committed, others, under_load},
};

#[test]
fn with_every_message_delivered_twice_and_backwards_each_is_applied_once() {
    let _alone = alone();
    let world = World::new();
    let hands = Hands { deliver: twice_and_backwards, ..USUAL };
    let samples = under_load(&world, hands, |_| std::thread::sleep(Duration::from_secs(10)));
    assert_eq!(others(&samples, &[200]), []);

    Crew::new(&world).drain();
    let committed = committed(&world);
    assert_eq!(committed.len(), samples.len());
    assert_exactly_once(&world, &committed);
}

fn twice_and_backwards(mapping: &mut Mapping<'_>) {
    let mut records = mapping.receive(10, false);
    if records.is_empty() {
        return;
    }
    records.reverse();
    mapping.deliver(&records, None);
    // The response was lost: all of them again, and one that was published a second time.
    records.iter_mut().for_each(|record| record.receive_count += 1);
    let again = mapping.deliver(&records, None);
    mapping.send_again(&records[0]);
    mapping.settle(&records, &again);
}
