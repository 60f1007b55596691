-- no transaction
-- For the clean-up: a key is over when it expires or is revoked, whichever is first.
create index concurrently if not exists api_key_over_idx on api_key (least(expires_at, revoked_at))
