#!/bin/bash
# Starts PostgreSQL and makes its data folder at the first start. Understands the variables of the official
# image that charts use: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each also as ..._FILE),
# POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA, and *.sql and *.sh in /docker-entrypoint-initdb.d.
set -euo pipefail

from_file() {
  local variable=$1 file_variable="$1_FILE"
  if [ -n "${!file_variable:-}" ]; then
    export "$variable"="$(<"${!file_variable}")"
    unset "$file_variable"
  fi
}

make_data_folder() {
  from_file POSTGRES_USER
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_DB
  local user=${POSTGRES_USER:-postgres}
  local database=${POSTGRES_DB:-$user}
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
    echo "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE is needed for the first start" >&2
    exit 1
  fi
  # Made whole beside its place and then moved: a pod killed here simply begins again.
  local target=$PGDATA
  export PGDATA="$target.new"
  rm -rf "$PGDATA"
  mkdir -p "$(dirname "$PGDATA")"
  # shellcheck disable=SC2086 # the arguments are a list
  initdb --username="$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") \
    --auth-local=trust --auth-host="$method" ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
  pg_ctl -w -s -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
  local psql=(psql -v ON_ERROR_STOP=1 --no-psqlrc -h /tmp -U "$user")
  if [ "$database" != postgres ]; then
    "${psql[@]}" -q -d postgres -v name="$database" <<<'create database :"name";'
  fi
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) PGHOST=/tmp bash "$file" ;;
      *.sql) "${psql[@]}" -d "$database" -f "$file" ;;
    esac
  done
  pg_ctl -w -s -m fast stop
  mv "$PGDATA" "$target"
  export PGDATA=$target
}

if [ "${1:0:1}" = - ]; then
  set -- postgres "$@"
fi
if [ "${1:-}" = postgres ]; then
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    make_data_folder
  fi
  unset POSTGRES_PASSWORD
  # The official image listens on every address; PostgreSQL's own default is localhost.
  set -- "$1" -c listen_addresses='*' "${@:2}"
fi
exec "$@"
