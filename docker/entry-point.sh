#!/bin/sh
# Starts hearsay as the user `node`, whoever owns the data directory that was mounted.
set -e

# `serve`, `cluster` and flags are hearsay's; the name of a program, such as `sh`, runs that instead.
if command -v "${1:---}" >/dev/null 2>&1; then
  exec "$@"
fi
set -- node /app/dist/main.js "$@"

# A directory that Docker creates for a mount belongs to root. Started with `--user`, this has no
# right to change that, and no need to.
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$DATA_DIR"
  find "$DATA_DIR" ! -user node -exec chown -h node:node {} +
  export HOME=/home/node
  set -- setpriv --reuid=node --regid=node --init-groups -- "$@"
fi

# `exec`, so that node is the first process of the container and gets its signals itself.
exec "$@"
