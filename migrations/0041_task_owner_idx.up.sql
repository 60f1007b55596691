-- no transaction
-- Finds the tasks of one user, for the export and the deletion of the user's data.
create index concurrently if not exists task_owner_idx on task (owner) where owner is not null
