-- Values come from files and pass as variables that psql quotes: never on a command line, never in the log.
\set username `cat /etc/chandler/admin/username`
\set password `cat /etc/chandler/admin/password`
BEGIN;
CREATE ROLE :"username" LOGIN CREATEROLE CREATEDB NOSUPERUSER NOREPLICATION NOBYPASSRLS PASSWORD :'password';
GRANT pg_signal_backend TO :"username";
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO :"username";
COMMIT;
