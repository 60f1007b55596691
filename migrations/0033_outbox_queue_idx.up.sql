-- no transaction
-- The relay's claim, one queue at a time: messages of a queue that cannot be reached cost the others nothing.
create index concurrently if not exists outbox_queue_idx on outbox (queue, due_at, seq) where published_at is null
