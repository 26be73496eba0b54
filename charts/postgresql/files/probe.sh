#!/bin/sh
# probe.sh ready: the server takes connections. probe.sh alive: it answers, even if only to say that it recovers.
# Over TCP, because the first start listens nowhere. The user does not exist and no password is sent, so nothing is
# logged and no connection slot is used.
. /opt/chandler/binaries.sh
pg_isready --quiet --host=127.0.0.1 --port=5432 --username=probe --dbname=postgres --timeout=3
result=$?
if [ "$1" = alive ] && [ "$result" -eq 1 ]; then exit 0; fi
exit "$result"
