-- For the relay: a claim holds messages that wait behind an earlier message of their group. Held since when;
-- null: not held.
alter table outbox add column held_at timestamptz;

-- For operators: exactly the rights that the statements of the function `operations` use. A later table, or a
-- later column of `users`, gives `operations` nothing until a migration grants it.
do $$
declare
  item text;
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_table_privilege('operations', 'users', 'select') then
    return;
  end if;

  -- Only tables that this login owns: an administrator may keep other objects in the same schema.
  for item in
    select oid::regclass from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
      and relowner = current_user::regrole
  loop
    execute format('revoke all on %s from operations', item);
  end loop;

  -- Who a user is, and no hash of a password. An operator changes addresses only.
  grant select (id, uuid, email, email_canonical), update (email, email_canonical, updated_at) on users to operations;
  grant select on role, dead_letter to operations;
  grant select, insert (user_uuid, role), delete on user_role to operations;
  grant insert (action, outcome, actor, subject, ip, request_id, details) on audit_log to operations;
  -- Frees, drops and repeats messages, and sends events again.
  grant select, delete, insert (id, queue, body, group_key, deliver_at, due_at),
        update (due_at, lease_by, parked_at, refusals, held_at, published_at, attempts, last_error)
        on outbox to operations;
  -- Retries and cancels tasks.
  grant select, update (state, attempt, since, finished_at, running_until, error, set_aside_at,
        earlier_attempts, never_begun) on task to operations;
  -- Flushes. A row that is about to be deleted is locked first, which needs the right to update a column.
  grant select, delete, update (expires_at) on key_value to operations;
end
$$;
