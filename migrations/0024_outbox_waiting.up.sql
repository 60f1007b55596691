-- no transaction
-- Finds the oldest message that should have left, however many are for later or already sent.
create index concurrently if not exists outbox_waiting_idx on outbox ((coalesce(deliver_at, created_at)))
  where published_at is null and parked_at is null;
