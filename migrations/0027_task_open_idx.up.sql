-- no transaction
-- An operator's list. Tasks that went well cost it nothing.
create index concurrently if not exists task_open_idx on task (state, since, id) where state <> 'succeeded'
