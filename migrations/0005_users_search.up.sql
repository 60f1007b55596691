-- What the filters of the repository need to find users without reading them all.

-- Extensions have a schema of their own: they belong to the database, not to one schema in it.
create schema if not exists extensions;
create extension if not exists pg_trgm with schema extensions;

-- Substrings (like, ilike) in any of these columns: one index, whichever of them is asked for.
create index users_substrings_idx on users using gin (
  email      extensions.gin_trgm_ops,
  first_name extensions.gin_trgm_ops,
  last_name  extensions.gin_trgm_ops,
  phone      extensions.gin_trgm_ops
);

-- The orders of lists, the primary key behind them as the repository breaks ties.
create index users_created_at_idx on users (created_at, id);
create index users_email_idx on users (email, id);
