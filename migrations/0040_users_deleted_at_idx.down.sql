-- no transaction
drop index concurrently if exists users_deleted_at_idx
