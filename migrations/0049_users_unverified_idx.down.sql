-- no transaction
drop index concurrently if exists users_unverified_idx
