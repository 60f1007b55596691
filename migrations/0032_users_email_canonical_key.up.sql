-- no transaction
-- One address, one account, also while versions that do not know `email_canonical` insert rows. Each expression is
-- the canonical form where there is one. Without it, the second one is the text that the version before stores,
-- which is the canonical form. So such a row and a new row of the same address cannot both be there.
-- The first one is then a rough form. By it a row is found from another spelling. Several addresses may share it.
-- No canonical form is longer than 128 characters, but a rough form could be.
create unique index concurrently if not exists users_email_canonical_key on users (
  coalesce(email_canonical, left(replace(replace(replace(
    lower(normalize(email, nfkc)), 'ß', 'ss'), 'ς', 'σ'), '。', '.'), 128)),
  coalesce(email_canonical, lower(email))
)
