-- Keys for programs: what a user lets a program do in their name, for a while.
create table api_key (
  id           text primary key,
  user_uuid    uuid not null references users (uuid) on delete cascade,
  name         varchar(64) not null,
  -- SHA-256 of the secret, which is 128 random bits: no slow hash would make it harder to guess.
  secret_hash  bytea not null check (length(secret_hash) = 32),
  -- Words as of a role; what counts is what the user may do, too, when the key is used.
  permissions  text[] not null,
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  -- To the minute: a key that is used all the time must not write all the time.
  last_used_at timestamptz,
  revoked_at   timestamptz
);

create index api_key_user_uuid_idx on api_key (user_uuid);
-- For the clean-up.
create index api_key_expires_at_idx on api_key (expires_at);

update role set permissions = permissions || '{api_keys:write}' where name = 'admin';
