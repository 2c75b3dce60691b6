#!/bin/sh
# Writes compose/.env from .env.example, with a random password in every empty *_PASSWORD.
# An existing .env stays as it is: its passwords are in the volumes already.
# Usage: make-env.sh [apicurio]
set -eu
cd "$(dirname "$0")"
umask 077

if [ -e .env ]; then
  echo "compose/.env is there already and stays as it is; to begin anew: docker compose down --volumes, then remove it"
  exit 0
fi

registry=${1-}
case $registry in
  "" | confluent) file=compose.yaml path= ;;
  apicurio) file=compose.yaml:registry-apicurio.yaml path=/apis/ccompat/v7 ;;
  *)
    echo "error: no registry \"$registry\"; there are confluent and apicurio" >&2
    exit 2
    ;;
esac

password() {
  LC_ALL=C tr -dc 'A-Za-z0-9' < /dev/urandom | dd bs=1 count=32 2> /dev/null
}

while IFS= read -r line; do
  case $line in
    "#"* | "") printf '%s\n' "$line" ;;
    COMPOSE_FILE=*) printf 'COMPOSE_FILE=%s\n' "$file" ;;
    REGISTRY_PATH=*) printf 'REGISTRY_PATH=%s\n' "$path" ;;
    *_PASSWORD=) printf '%s%s\n' "$line" "$(password)" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < .env.example > .env.new
mv .env.new .env
echo "wrote compose/.env (only you can read it)"
