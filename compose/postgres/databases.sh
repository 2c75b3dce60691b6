#!/bin/bash
# Databases beside the source's, each with a role that owns it and may nothing else. The image runs
# this once, when the data folder is made. The source database itself is prepared by
# `contractline apply postgres` from connect/postgres, as everywhere.
set -euo pipefail

make_database() {
  # Read by psql itself, so that the password stands in no command line and no log.
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres \
    --set=name="$1" <<'SQL'
\getenv password NEW_PASSWORD
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

NEW_PASSWORD=$METABASE_DB_PASSWORD make_database metabase
NEW_PASSWORD=$REGISTRY_DB_PASSWORD make_database registry
