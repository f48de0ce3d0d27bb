#!/bin/sh
# Starts hearsay as the user `node`, whoever owns the data directory that was mounted.
set -eu

refuse() {
  echo "$1" >&2
  exit 2
}

# `serve`, `cluster` and flags are hearsay's; the name of a program, such as `sh`, runs that instead.
if command -v "${1:---}" >/dev/null 2>&1; then
  exec "$@"
fi
set -- node /app/dist/program/main.js "$@"

# Its owner is about to be changed, with all that lies below: never of the system's own directories.
directory=$(realpath -m -- "${DATA_DIR:-/data}")
case $directory in
  / | /app | /app/* | /bin | /boot | /dev | /dev/* | /etc | /etc/* | /home | /lib | /lib64 | /media | /mnt | /opt | \
    /proc | /proc/* | /root | /run | /sbin | /secret | /srv | /sys | /sys/* | /tmp | /usr | /usr/* | /var | /var/lib)
    refuse "DATA_DIR is $directory, which is no directory for data alone: name one such as /data."
    ;;
esac

# The nodes of the compose file share a secret that the first of them makes; see docker/token.sh.
if [ -z "${INTERNAL_TOKEN:-}" ] && [ -n "${INTERNAL_TOKEN_FILE:-}" ]; then
  [ -r "$INTERNAL_TOKEN_FILE" ] ||
    refuse "INTERNAL_TOKEN_FILE is $INTERNAL_TOKEN_FILE, which can't be read: make it, or set INTERNAL_TOKEN."
  # The file may be root's alone: then the node gets the token in it. Else it reads the file itself, again and again.
  if [ "$(id -u)" = 0 ] &&
    ! setpriv --reuid=node --regid=node --init-groups -- test -r "$INTERNAL_TOKEN_FILE"; then
    INTERNAL_TOKEN=$(cat "$INTERNAL_TOKEN_FILE")
    [ "$(echo "$INTERNAL_TOKEN" | wc -l)" = 1 ] ||
      refuse "$INTERNAL_TOKEN_FILE has two tokens, and only root may read it: let the user node (1000) read it, too."
    export INTERNAL_TOKEN
  fi
fi
# The node is given one of the two.
if [ -n "${INTERNAL_TOKEN:-}" ]; then unset INTERNAL_TOKEN_FILE; else unset INTERNAL_TOKEN; fi

# A directory that Docker creates for a mount belongs to root. Started with `--user`, this has no
# right to change that, and no need to.
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$directory"
  find "$directory" -xdev ! -user node -exec chown -h node:node {} +
  export HOME=/home/node
  # Nothing that it starts can become root again.
  set -- setpriv --reuid=node --regid=node --init-groups --no-new-privs --bounding-set=-all \
    --inh-caps=-all -- "$@"
fi

# `exec`, so that node is the first process of the container and gets its signals itself.
exec "$@"
