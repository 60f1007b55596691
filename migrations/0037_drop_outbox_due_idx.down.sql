-- no transaction
-- The claim of the version before reads it.
create index concurrently if not exists outbox_due_idx on outbox (due_at, seq) where published_at is null
