-- Values that may be forgotten, each with its end. Unlogged: a write costs no WAL. After a crash of the
-- server the table is empty, and everyone gets their values anew from where they came.
create unlogged table key_value (
  -- In the order of bytes, so that all keys of one prefix stand side by side.
  key        text collate "C" primary key,
  value      bytea not null,
  -- From then on the row says the same as no row.
  expires_at timestamptz not null
);

-- For the clean-up.
create index key_value_expires_at_idx on key_value (expires_at);
