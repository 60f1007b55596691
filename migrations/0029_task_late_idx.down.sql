-- no transaction
-- The search reads all tasks that wait.
drop index concurrently if exists task_late_idx
