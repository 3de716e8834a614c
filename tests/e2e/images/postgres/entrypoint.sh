#!/bin/sh
# Makes the database on the first start, by the variables of the official image that a stack sets, then serves.
set -eu
[ "${1:-}" != postgres ] && exec "$@"

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
fi
password=${POSTGRES_PASSWORD:-}
if [ -z "$password" ] && [ "$method" != trust ]; then
    echo "POSTGRES_PASSWORD is needed, unless POSTGRES_HOST_AUTH_METHOD is trust" >&2
    exit 1
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    secret=$(mktemp)
    printf '%s\n' "$password" >"$secret"
    [ -n "$password" ] && pwfile="--pwfile=$secret"
    initdb --username="$user" --auth-local=trust --auth-host="$method" --encoding=UTF8 --no-instructions ${pwfile:-} >&2
    rm "$secret"
    printf 'host all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
    # Not listening yet: nobody may take it for ready before the database is there.
    pg_ctl --silent --wait --options="-c listen_addresses=''" start >&2
    if [ "$database" != postgres ]; then
        createdb --username="$user" --maintenance-db=postgres "$database"
    fi
    pg_ctl --silent --wait --mode=fast stop >&2
fi
shift
exec postgres -c listen_addresses='*' "$@"
