-- Who may do more than mind their own affairs. A role is a named set of permissions; a user has any
-- number of roles, and may do what one of them allows.
create table role (
  name        text primary key check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  description text not null,
  -- Words of domain/auth/permission.rs, such as users:read. A list and no table of its own: the set is
  -- read and replaced as a whole, and what a word means stands in the code. An unknown one allows nothing.
  permissions text[] not null
);

-- Goes with its user: a right never outlives whom it was given to.
create table user_role (
  user_uuid  uuid not null references users (uuid) on delete cascade,
  role       text not null references role (name),
  granted_at timestamptz not null default now(),
  primary key (user_uuid, role)
);

insert into role (name, description, permissions) values
  ('admin', 'Everything', '{users:read,users:write,tasks:read,debug:send,audit:read}');

-- What a role allows is changed by a migration, which is reviewed. Whoever takes over a function must
-- not be able to widen one. The role app is not there where roles are not made, as in some tests.
do $$
begin
  if exists (select from pg_roles where rolname = 'app') then
    revoke insert, update, delete, truncate on role from app;
  end if;
end
$$;
