drop index audit_log_action_idx;
drop index audit_log_request_id_idx;
drop index audit_log_actor_idx;
drop index audit_log_subject_idx;
create index audit_log_subject_idx on audit_log (subject, at);
