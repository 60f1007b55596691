-- What a user has proved, when the account ends, and since when their challenges count. `epoch` rises with every
-- change of what proves who they are. "May sign in" is `is_active and deleted_at is null`.
alter table users
  add column email_verified_at timestamptz,
  add column phone_verified_at timestamptz,
  add column deleted_at        timestamptz,
  add column epoch             integer not null default 0;

-- One-time links and codes. The secret itself is not here: it is computed from the row and a key.
create table challenge (
  -- Version 7. Public, and worth nothing without the secret.
  id         uuid primary key,
  purpose    text not null,
  -- The key that the secret is computed with. Set once, by whoever first computes it.
  kid        text,
  -- As they were when it was asked for. Null: nobody has this address.
  user_uuid  uuid,
  epoch      integer check ((epoch is null) = (user_uuid is null)),
  -- The canonical address or number. This, and nothing else, is what it proves.
  subject    text collate "C",
  data       jsonb not null default '{}',
  -- SHA-256 of a verifier that only the client that asked holds.
  binding    bytea check (length(binding) = 32),
  -- How many codes were tried.
  attempts   smallint not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index challenge_user_uuid_idx on challenge (user_uuid) where user_uuid is not null;
create index challenge_expires_at_idx on challenge (expires_at);

do $$
begin
  if not exists (select from pg_roles where rolname = 'app') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_table_privilege('app', 'users', 'select') then
    return;
  end if;
  -- A row never changes otherwise.
  revoke update on challenge from app;
  grant update (kid, attempts, used_at) on challenge to app;
  -- Whoever gives a user another address ends the challenges for the old one.
  grant select (epoch), update (epoch, email_verified_at) on users to operations;
end
$$;
