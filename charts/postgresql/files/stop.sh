#!/bin/sh
# Fast shutdown: ends sessions and writes a checkpoint. The signal that Kubernetes sends afterwards would wait for
# clients to leave; once a fast shutdown runs it changes nothing.
. /opt/chandler/binaries.sh
exec pg_ctl --pgdata="$PGDATA" --silent --no-wait --mode=fast stop
