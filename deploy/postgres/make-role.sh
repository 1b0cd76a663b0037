#!/bin/sh
# Makes the role that the vault works with in Docker Compose, with its password and no right: those
# come from `migrate --role vault_app`. The image of PostgreSQL runs it when it makes the database.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/vault_app_password)" \
  -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE vault_app LOGIN PASSWORD :'password';
SQL
