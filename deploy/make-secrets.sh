#!/bin/sh
# Makes the secret files of docker-compose.yml in deploy/secrets/. Never replaces one that is there.
# The client secret of Stitch is taken from STITCH_MONEY_CLIENT_SECRET or asked for.
set -eu
umask 077
cd "$(dirname "$0")/secrets"
chmod 700 .

# Compose mounts each file as it is, and the containers read it as users of their own. So the files
# can be read by all, and the directory, through which no container goes, by its owner alone.
save() {
  if [ -e "$1" ]; then
    echo "kept     $1"
    return
  fi
  printf '%s\n' "$2" >"$1.new"
  chmod 444 "$1.new"
  mv "$1.new" "$1"
  echo "created  $1"
}

random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

save postgres_password "$(random | tr '+/' '-_' | tr -d '=')"
save vault_app_password "$(random | tr '+/' '-_' | tr -d '=')"
save owner_database_url "postgres://vault:$(cat postgres_password)@postgres:5432/vault"
save database_url "postgres://vault_app:$(cat vault_app_password)@postgres:5432/vault"
save vault_keyring "k$(date -u +%Y%m%d):$(random)"

if [ ! -e stitch_money_client_secret ]; then
  secret=${STITCH_MONEY_CLIENT_SECRET:-}
  if [ -z "$secret" ] && [ -t 0 ]; then
    printf 'Client secret of stitch-money (not shown): '
    stty -echo
    read -r secret || true
    stty echo
    echo
  fi
  if [ -z "$secret" ]; then
    echo 'Set STITCH_MONEY_CLIENT_SECRET, or run this in a terminal.' >&2
    exit 1
  fi
  save stitch_money_client_secret "$secret"
else
  echo 'kept     stitch_money_client_secret'
fi
