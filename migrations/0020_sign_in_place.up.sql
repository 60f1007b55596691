-- Places where a user has signed in lately. Tries to sign in from there are counted separately, so that
-- nobody elsewhere can lock the user out.
create table sign_in_place (
  -- An HMAC of account and network: the table names no address.
  key       bytea primary key check (length(key) = 16),
  -- The places go with their user.
  user_uuid uuid not null references users (uuid) on delete cascade,
  -- A while after the last sign-in there.
  until     timestamptz not null
);

-- For deleting a user, and for the clean-up.
create index sign_in_place_user_uuid_idx on sign_in_place (user_uuid);
create index sign_in_place_until_idx on sign_in_place (until);
