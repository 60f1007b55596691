-- Users, with the columns of the prototype.
-- No enum, domain or citext columns: the driver would look their types up with extra round trips.
create table users (
  id              bigint generated always as identity primary key,
  -- The name of a user outside of the database; ids are never shown to others.
  uuid            uuid not null default gen_random_uuid(),
  meta            jsonb not null default '{}' check (jsonb_typeof(meta) = 'object'),
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  first_name      varchar(128),
  last_name       varchar(128),
  -- "C": compared and sorted byte by byte, so that one index serves equality and every order.
  email           varchar(128) collate "C",
  password_hashed text,
  birthday        date,
  photo           text,
  is_active       boolean not null default true,
  is_guest        boolean not null default false,
  phone           varchar(64),
  street          varchar(128),
  city            varchar(64),
  state           varchar(24),
  zip_code        varchar(24),
  country         varchar(64)
);

create unique index users_uuid_key on users (uuid);
-- These two decide whether an address is taken; nothing checks before it inserts.
create unique index users_email_key on users (lower(email));
create unique index users_phone_key on users (phone);
