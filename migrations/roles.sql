-- Database roles, made once for each database by an administrator, before the first migration:
--
--   psql "$ADMINISTRATOR_URL" --set=migrator_password=... --set=app_password=... \
--        --set=operations_password=... --file=migrations/roles.sql
--
-- The function `migrate` runs it on AWS, for the command `database_roles`. It reads what this script uses of psql
-- (core/src/infrastructure/database_roles/script.rs).
--
-- It may be run again: then it sets the timeouts and the rights as they are here, and the passwords that are given.
-- A role whose password is not given keeps its own; a new one then has none, and cannot log in. Run it
-- again before the migrations of a release that changes it. It is not a migration, because roles belong
-- to the whole server while migrations also run in the schemas of tests. Take passwords of letters and
-- digits from a generator; functions read them from Secrets Manager.
--
-- A server that several projects share: roles of these names in other databases are the same roles, so their
-- passwords and timeouts change there, too. The script warns of it. What it revokes concerns this database
-- alone, with one exception that you have to ask for by --set=whole_server=yes: nobody but superusers and
-- those with a grant may connect to the databases postgres and template1 any more.

\set ON_ERROR_STOP on
\if :{?whole_server}
\else
    \set whole_server no
\endif

-- A server log must not show the passwords, whatever its settings say: neither because it writes all
-- statements, nor the slow ones, nor those that failed. Only an administrator may set this; elsewhere the
-- failure is of no consequence.
do $$
declare
    setting record;
begin
    for setting in
        select * from (values ('log_statement', 'none'), ('log_min_duration_statement', '-1'),
            ('log_min_error_statement', 'panic')) as quiet (name, value)
    loop
        begin
            perform set_config(setting.name, setting.value, false);
        exception when insufficient_privilege then
            raise notice '% stays as it is', setting.name;
        end;
    end loop;
end
$$;

-- Roles that another database of this server knows.
do $$
declare
    given record;
begin
    for given in
        select distinct rolname, datname
        from pg_shdepend as known
        join pg_roles on pg_roles.oid = known.refobjid
        join pg_database on pg_database.oid = known.dbid
          or (known.classid = 'pg_database'::regclass and pg_database.oid = known.objid)
        where known.refclassid = 'pg_authid'::regclass
          and rolname in ('migrator', 'app', 'operations') and datname <> current_database()
    loop
        raise warning 'database % uses role %, too: its password and settings are changed there as well',
            given.datname, given.rolname;
    end loop;
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
    if not exists (select from pg_roles where rolname = 'operations') then
        create role operations;
    end if;
end
$$;

-- migrator changes the schema and is used by the migrate function only. It gets no timeouts here:
-- runners that wait for one another, and long migrations, are the runner's own affair.
\if :{?migrator_password}
    alter role migrator with login password :'migrator_password';
\else
    alter role migrator with login;
\endif
-- operations is what operators use, through the function of this name: it frees messages, gives roles
-- and mends addresses.
\if :{?operations_password}
    alter role operations with login password :'operations_password';
\else
    alter role operations with login;
\endif
-- app is every other function: it reads and writes rows and can change no table.
\if :{?app_password}
    alter role app with login password :'app_password';
\else
    alter role app with login;
\endif

-- With a token of IAM in the place of a password, which RDS offers: --set=iam=yes. A member of rds_iam cannot log in
-- with a password.
\if :{?iam}
    grant rds_iam to migrator, app, operations;
\else
    do $$
    declare
        given record;
    begin
        for given in
            select member::regrole as role from pg_auth_members
            where roleid = to_regrole('rds_iam')
              and member in (to_regrole('migrator'), to_regrole('app'), to_regrole('operations'))
        loop
            execute format('revoke rds_iam from %s', given.role);
        end loop;
    end
    $$;
\endif

-- A role may always change its own password and its own settings; Postgres has no right to revoke. So
-- whatever it has set for itself is taken back here.
alter role app reset all;
alter role operations reset all;
alter role app in database :"DBNAME" reset all;
alter role operations in database :"DBNAME" reset all;

-- A Lambda function is frozen or ended with its connection open. Nothing it does may hold a lock
-- longer than its caller waits, and Postgres must give up before the function is cut off (10 s for
-- endpoints), because otherwise the reason is lost. Connections without a proxy ask for the same limits themselves
-- (core/src/infrastructure/db/connect.rs), because a role may change its own settings.
-- A request has no statement that should take more than a second or two,
alter role app set statement_timeout = '5s';
alter role operations set statement_timeout = '5s';
-- waiting for a row longer than this only queues up more requests behind it,
alter role app set lock_timeout = '2s';
alter role operations set lock_timeout = '2s';
-- and a function that died inside a transaction must not keep its locks. A task that waits for
-- something else than Postgres is inside of one, too.
alter role app set idle_in_transaction_session_timeout = '15s';
alter role operations set idle_in_transaction_session_timeout = '15s';

-- Nobody gets anything here by merely being able to connect: no temporary tables, no new schemas.
revoke all on database :"DBNAME" from public;
revoke all on schema public from public;

grant connect, create, temporary on database :"DBNAME" to migrator;
grant usage, create on schema public to migrator;
grant connect on database :"DBNAME" to app, operations;
grant usage on schema public to app, operations;

-- Setting the default rights of another role needs membership in it. A superuser has that
-- anyway; the administrator of a managed database is none.
grant migrator to current_user;

-- What migrator creates from now on is for app to use: nearly every table is. A migration revokes what app
-- must not do, and grants what operations needs. Sequences need no right: tables use identity columns.
alter default privileges for role migrator in schema public
    grant select, insert, update, delete on tables to app;
-- Versions before 0034 gave it these.
alter default privileges for role migrator in schema public
    revoke all on tables from operations;
alter default privileges for role migrator in schema public
    revoke usage, select on sequences from app;

-- Only for this transaction. With iam, a member of migrator is a member of rds_iam as well, and RDS refuses its
-- password.
revoke migrator from current_user;

-- The same by another way, such as a membership that was granted by hand. A membership that only allows to grant the
-- role (admin) does not count here: Postgres gives it to the creator of a role, who cannot give it back.
\if :{?iam}
    do $$
    begin
        if exists (
            with recursive above (role) as (
                select oid from pg_roles where rolname = current_user
                union
                select membership.roleid from pg_auth_members as membership
                join above on above.role = membership.member
                where membership.inherit_option or membership.set_option)
            select from above
            where role in (to_regrole('migrator'), to_regrole('app'), to_regrole('operations')))
        then
            raise exception '% is a member of migrator, app or operations, so RDS would refuse its password',
                current_user using hint = 'Revoke this membership, and run the script again.';
        end if;
    end
    $$;
\endif

commit;

-- What Postgres gives everybody, and no login here needs: storage outside of tables (large objects) and
-- ending other sessions of the same login, both in this database, and the server's own two databases. Only a
-- superuser may revoke it; the administrator of a managed database is none, and is told what stays.
select set_config('roles.whole_server', :'whole_server', false) as whole_server \gset
do $$
declare
    may_revoke constant boolean := (select rolsuper from pg_roles where rolname = current_user);
    whole_server constant boolean := current_setting('roles.whole_server') = 'yes';
    given record;
begin
    for given in
        select oid::regprocedure as name from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
          and (proname like 'lo\_%' or proname in ('loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend'))
    loop
        if may_revoke then
            execute format('revoke execute on function %s from public', given.name);
        elsif has_function_privilege('app', given.name::oid, 'execute') then
            raise notice 'every login may execute %', given.name;
        end if;
    end loop;
    for given in
        select datname as name from pg_database where datallowconn and datname <> current_database()
    loop
        if given.name in ('postgres', 'template1') and may_revoke and whole_server then
            execute format('revoke connect, temporary on database %I from public', given.name);
        elsif has_database_privilege('app', given.name, 'connect') then
            raise notice 'app may connect to database %, because everybody may', given.name;
        end if;
    end loop;
    if may_revoke and not whole_server then
        raise notice 'if this project has the server to itself, add --set=whole_server=yes';
    end if;
end
$$;
