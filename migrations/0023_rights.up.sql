-- Rights by login. Each login has by default what it needs of a new table (migrations/roles.sql), and
-- here loses what it must not do. The roles are not there where nobody made them, as in some tests.
do $$
declare
  item text;
begin
  if not exists (select from pg_roles where rolname = 'app') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_table_privilege('app', 'users', 'select') then
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
  -- Identity columns need no right on their sequences. Only those that this login owns: an administrator
  -- may keep other objects in the same schema.
  for item in
    select oid::regclass from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'S' and relowner = current_user::regrole
  loop
    execute format('revoke all on sequence %s from app', item);
  end loop;

  -- The tables of earlier migrations; later ones are given by default.
  for item in
    select oid::regclass from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
      and relowner = current_user::regrole
  loop
    execute format('grant select, insert, update, delete on %s to operations', item);
  end loop;
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
