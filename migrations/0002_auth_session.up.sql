-- One row a sign-in. A refresh moves it to its next generation by compare-and-swap on access_sid.
create table auth_session (
  id            text primary key,
  user_uuid     uuid not null,
  -- The generation of the live pair of tokens, and the one that it replaced.
  access_sid    text not null,
  parent_sid    text,
  -- The key that signed the live pair.
  kid           text not null,
  generation    int not null default 0,
  created_at    timestamptz not null,
  -- When the live pair was signed, in whole seconds of the application's clock.
  rotated_at    timestamptz not null,
  -- The first use of the live access token: from then on its client surely has it.
  seen_at       timestamptz,
  idle_until    timestamptz not null,
  expires_at    timestamptz not null,
  revoked_at    timestamptz,
  revoke_reason text,
  ip            inet,
  user_agent    text,
  check ((revoked_at is null) = (revoke_reason is null))
);

-- No foreign key: who deletes a user decides what becomes of the sessions, and their
-- trace may outlive the row. A session without its user is refused by every statement's join.
create index auth_session_user_uuid_idx on auth_session (user_uuid);
