-- <Gadgets> of users. They are deleted with their user.
create table gadgets (
  id         bigint generated always as identity primary key,
  uuid       uuid not null default gen_random_uuid(),
  user_uuid  uuid not null references users (uuid) on delete cascade,
  name       varchar(64) not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create unique index gadgets_uuid_key on gadgets (uuid);
-- For the list of a user's <gadgets>, and for deleting a user.
create index gadgets_user_uuid_idx on gadgets (user_uuid, id);

-- Rights: the functions may read and write a new table, and operators may not use it (roles.sql).
