drop index outbox_published_idx;
drop index outbox_group_idx;
drop index outbox_due_idx;
alter table outbox
  drop column group_key,
  drop column deliver_at,
  drop column refusals,
  drop column parked_at,
  add column lease_until timestamptz;
create unique index outbox_unpublished_idx on outbox (seq) where published_at is null;
