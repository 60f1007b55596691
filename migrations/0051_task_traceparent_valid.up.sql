-- Reads the table once. Its lock lets all others read and write meanwhile.
alter table task validate constraint task_traceparent_check;
