-- One row a limited thing (an address, an account): how far ahead of the clock it already is.
-- Unlogged: a write costs no WAL. After a crash of the server the table is empty, and for one window
-- everyone starts anew.
create unlogged table rate_limit (
  bucket  text not null,
  -- An HMAC of what is limited: the table names nobody.
  key     bytea not null,
  -- Theoretical arrival time: when this thing will have used up nothing again.
  tat     timestamptz not null,
  -- What the last try was told.
  allowed boolean not null,
  primary key (bucket, key)
);

-- For the clean-up: a row whose time has come says the same as no row.
create index rate_limit_tat_idx on rate_limit (tat);
