-- Rights by login. Each login has by default what it needs of a new table (migrations/roles.sql), and
-- here loses what it must not do. The roles are not there where nobody made them, as in some tests.
do $$
begin
  if not exists (select from pg_roles where rolname = 'app') then
    return;
  end if;
  if not exists (select from pg_roles where rolname = 'operations') then
    raise 'there is no role operations: run migrations/roles.sql first, which makes it';
  end if;

  -- What app adds to the audit log is numbered and dated by the database.
  revoke insert on audit_log from app;
  grant insert (action, outcome, actor, subject, ip, request_id, details) on audit_log to app;
  -- Only operators give roles. A user's roles go with the user, which needs no right on this table.
  revoke insert, update, delete on user_role from app;
  -- Identity columns need no right on their sequences.
  execute format('revoke all on all sequences in schema %I from app', current_schema());

  -- The tables of earlier migrations; later ones are given by default.
  execute format('grant select, insert, update, delete on all tables in schema %I to operations', current_schema());
  revoke all on auth_session, api_key, idempotency_key, inbox, strike, rate_limit, sign_in_place from operations;
  revoke insert, update, delete on role from operations;
  -- The runner's own table is not there where a test applies these files itself.
  if to_regclass('schema_migration') is not null then
    revoke insert, update, delete on schema_migration from operations;
  end if;
  revoke insert, delete on users from operations;
  revoke insert, update, delete on audit_log from operations;
  grant insert (action, outcome, actor, subject, ip, request_id, details) on audit_log to operations;
end
$$;
