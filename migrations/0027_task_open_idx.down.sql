drop index if exists task_open_idx;
