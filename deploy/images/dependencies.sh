#!/bin/sh
# Entry of the image with PostgreSQL, NATS and Redis, for trying and for tests: a command of its own, else PostgreSQL, which
# takes POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB at its first start, as the official image does.
set -eu
case "${1:-postgres}" in postgres | -*) ;; *) exec "$@" ;; esac
[ "${1:-}" = postgres ] && shift
bin=$(echo /usr/lib/postgresql/*/bin)
export PGDATA="${PGDATA:-/var/lib/postgresql/data/pgdata}"
user=${POSTGRES_USER:-postgres}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  printf '%s' "${POSTGRES_PASSWORD:?}" >/tmp/password
  "$bin/initdb" --username "$user" --pwfile /tmp/password --auth-host scram-sha-256 --auth-local trust --encoding UTF8 --locale C.UTF-8 >/dev/null
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  "$bin/pg_ctl" -w start -o "-c listen_addresses='' -k /tmp" >/dev/null
  [ "${POSTGRES_DB:-$user}" = postgres ] || "$bin/createdb" -h /tmp -U "$user" "${POSTGRES_DB:-$user}"
  "$bin/pg_ctl" -w stop >/dev/null
fi
exec "$bin/postgres" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
