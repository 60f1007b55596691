-- no transaction
drop index concurrently if exists task_owner_idx
