-- no transaction
-- An operator's list of one name, however many tasks of it have failed.
create index concurrently if not exists task_name_idx on task (name, state, since, id) where state <> 'succeeded'
