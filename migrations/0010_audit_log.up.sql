-- What happened to accounts, by whom and from where. Rows are added and never changed.
create table audit_log (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  -- A word of domain/audit.rs, such as sign_in.
  action     text not null,
  outcome    text not null check (outcome in ('success', 'failure')),
  -- Who did it, and to whom. No foreign keys: the log outlives the users it names.
  actor      uuid,
  subject    uuid,
  ip         inet,
  request_id text,
  -- Ids and words, never a secret and never what a caller typed.
  details    jsonb not null default '{}' check (jsonb_typeof(details) = 'object')
);

create index audit_log_subject_idx on audit_log (subject, at);
create index audit_log_at_idx on audit_log (at);

-- Whoever takes over a function must not be able to cover tracks. The role gets its rights on new
-- tables by default (roles.sql); it is not there where roles are not made, as in some tests.
do $$
begin
  if exists (select from pg_roles where rolname = 'app') then
    revoke update, delete, truncate on audit_log from app;
  end if;
end
$$;
