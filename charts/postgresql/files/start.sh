#!/bin/sh
# Runs PostgreSQL. The first start makes the data folder beside its final place and moves it there when it is
# complete, so a start that was killed half way leaves nothing that a later one could mistake for a database.
set -eu
umask 077
trap 'exit 143' TERM INT
. /opt/chandler/binaries.sh

if [ ! -d "$PGDATA" ]; then
  making="$PGDATA.making"
  rm -rf "$making"
  echo "first start: making the database"
  initdb --pgdata="$making" --username=postgres --auth-local=trust --auth-host=reject \
    --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-instructions

  # Only this container sees the socket, and only until the setup is done.
  socket="$(mktemp -d /run/postgresql/making.XXXXXX)"
  pg_ctl --pgdata="$making" --silent --wait --timeout=120 \
    -o "-c listen_addresses='' -c unix_socket_directories='$socket' -c unix_socket_permissions=0700 \
        -c password_encryption=scram-sha-256 -c log_statement=none -c log_min_error_statement=panic" start
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host="$socket" --username=postgres --dbname=postgres \
    --file=/opt/chandler/setup.sql
  pg_ctl --pgdata="$making" --silent --wait --timeout=120 --mode=fast stop
  rm -rf "$socket"
  mv "$making" "$PGDATA"
  echo "first start: the database is complete"
fi

# A volume with an fsGroup is opened to the group at each mount; PostgreSQL refuses such a folder.
chmod 0700 "$PGDATA"
exec postgres -D "$PGDATA" \
  -c config_file=/opt/chandler/postgresql.conf -c hba_file=/opt/chandler/pg_hba.conf
