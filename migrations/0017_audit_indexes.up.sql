-- For what the list of the audit log offers: by whom, about whom, of which request, the newest first.
-- It is never shortened, so what filters without an index reads all of it.
drop index audit_log_subject_idx;
create index audit_log_subject_idx on audit_log (subject, id);
create index audit_log_actor_idx on audit_log (actor, id);
create index audit_log_request_id_idx on audit_log (request_id);
create index audit_log_action_idx on audit_log (action, id);
