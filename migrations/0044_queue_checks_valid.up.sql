-- Each statement reads a table once. Its lock lets all others read and write meanwhile.
alter table outbox validate constraint outbox_queue_check;
alter table dead_letter validate constraint dead_letter_queue_check;
alter table strike validate constraint strike_queue_check;
