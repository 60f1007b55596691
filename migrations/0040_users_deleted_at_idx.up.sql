-- no transaction
-- Finds the users who asked for their deletion. All others cost it nothing.
create index concurrently if not exists users_deleted_at_idx on users (deleted_at, uuid) where deleted_at is not null
