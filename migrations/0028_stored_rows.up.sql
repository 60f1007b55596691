-- Both statements take time on a large table. Their locks let all others read and write meanwhile.
alter table task validate constraint task_state_check;

-- SQS refuses these two characters, so their messages were parked. As escapes they can be sent: the relay tries
-- them again, as after `outbox unpark`.
update outbox
set body = replace(replace(body, chr(65534), '\ufffe'), chr(65535), '\uffff'),
    parked_at = null, refusals = 0, due_at = clock_timestamp(), lease_by = null
where published_at is null and (position(chr(65534) in body) > 0 or position(chr(65535) in body) > 0);
