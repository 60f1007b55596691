-- What the relay needs beyond "send it": order within a group, messages for later, messages that
-- the queue will never take.
alter table outbox
  -- Messages of one group leave in the order of their commits; those without a group in any order.
  add column group_key  text,
  -- Not to be delivered before this; null: at once.
  add column deliver_at timestamptz,
  -- How often the queue answered and refused this message. An unreachable queue does not count.
  add column refusals   int not null default 0,
  -- Refused too often: it waits for a person, and whatever follows in its group waits with it.
  add column parked_at  timestamptz,
  -- A lease, a pause after a failure and a message for later are one thing to whoever looks for
  -- work: not now. due_at says when.
  drop column lease_until;

drop index outbox_unpublished_idx;

-- The relay's question. Neither what has been published nor what is not due yet costs it anything.
-- A parked message is due at 'infinity'.
create index outbox_due_idx on outbox (due_at, seq) where published_at is null;
-- Is this the first of its group?
create index outbox_group_idx on outbox (group_key, seq) where published_at is null and group_key is not null;
-- What the clean-up may delete.
create index outbox_published_idx on outbox (published_at) where published_at is not null;
