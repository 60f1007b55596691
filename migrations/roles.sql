-- Database roles, made once for each database by an administrator, before the first migration:
--
--   psql "$ADMINISTRATOR_URL" --set=migrator_password=... --set=app_password=... \
--        --file=migrations/roles.sql
--
-- It may be run again: then it only sets the passwords and the rights anew. It is not a
-- migration, because roles belong to the whole server while migrations also run in the schemas
-- of tests. Take passwords of letters and digits from a generator; functions read them from
-- Secrets Manager.

\set ON_ERROR_STOP on

-- A server log must not show the passwords, whatever its log_statement says. Only an
-- administrator may set this; elsewhere the failure is of no consequence.
do $$
begin
    set log_statement = 'none';
exception when insufficient_privilege then
    raise notice 'log_statement stays as it is';
end
$$;

-- One transaction: there is no moment with half the rights.
begin;

do $$
begin
    if not exists (select from pg_roles where rolname = 'migrator') then
        create role migrator;
    end if;
    if not exists (select from pg_roles where rolname = 'app') then
        create role app;
    end if;
end
$$;

-- migrator changes the schema and is used by the migrate function only. It gets no timeouts here:
-- runners that wait for one another, and long migrations, are the runner's own affair.
alter role migrator with login password :'migrator_password';
-- app is every other function: it reads and writes rows and can change no table.
alter role app with login password :'app_password';

-- A Lambda function is frozen or ended with its connection open. Nothing it does may hold a lock
-- longer than its caller waits, and Postgres must give up before the function is cut off (10 s for
-- endpoints), or nobody would learn why:
-- a request has no statement that should take more than a second or two,
alter role app set statement_timeout = '5s';
-- waiting for a row longer than this only queues up more requests behind it,
alter role app set lock_timeout = '2s';
-- and a function that died inside a transaction must not keep its locks. A task that waits for
-- something else than Postgres is inside of one, too.
alter role app set idle_in_transaction_session_timeout = '15s';

-- Nobody gets anything here by merely being able to connect.
revoke all on database :"DBNAME" from public;
revoke all on schema public from public;

grant connect, create, temporary on database :"DBNAME" to migrator;
grant usage, create on schema public to migrator;
grant connect on database :"DBNAME" to app;
grant usage on schema public to app;

-- Setting the default rights of another role needs membership in it. A superuser has that
-- anyway; the administrator of a managed database is none.
grant migrator to current_user;

-- What migrator creates from now on is app's to use, so that no migration has to grant.
alter default privileges for role migrator in schema public
    grant select, insert, update, delete on tables to app;
alter default privileges for role migrator in schema public
    grant usage, select on sequences to app;

commit;
