-- no transaction
-- The list of one name reads all tasks that have not succeeded again.
drop index concurrently if exists task_name_idx
