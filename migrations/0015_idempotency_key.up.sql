-- What was answered to a request that its sender may send again, for a day.
create table idempotency_key (
  -- Whose key it is: another user's tells nothing and answers nothing. Not a reference: its lock on the
  -- user's row would stand in the way of whoever changes that user, and two who change one another
  -- would wait for each other for good.
  user_uuid    uuid not null,
  -- Method and path as the template has them, such as `PATCH /api/v1/users/{uuid}`.
  route        text not null,
  key          text not null check (length(key) between 1 and 255),
  -- An HMAC of the request: a plain hash of a body with a password would be a fast hash of it.
  fingerprint  bytea not null check (length(fingerprint) = 16),
  -- Whose data the answer holds, if not the user's own: it goes when that user is deleted.
  subject_uuid uuid,
  -- Null only within the transaction that is at work on the request: nobody else ever sees it so.
  status       smallint,
  -- The answer's text, empty where it has none. Never one with a token or a key in it.
  body         text,
  created_at   timestamptz not null default now(),
  primary key (user_uuid, route, key)
);

create index idempotency_key_subject_uuid_idx on idempotency_key (subject_uuid) where subject_uuid is not null;
-- For the clean-up.
create index idempotency_key_created_at_idx on idempotency_key (created_at);
