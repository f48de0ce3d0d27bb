#!/bin/sh
# Makes the secret of the nodes of the compose file at their first start, and leaves it as it is ever after.
# Nobody but root of the containers reads it; remove the volume `secret` to have another one made.
set -eu
umask 077
file=${1:?Name the file of the token.}
[ -s "$file" ] && exit 0
node -e 'process.stdout.write(crypto.randomBytes(32).toString("base64url"))' >"$file.new"
# In one step, so that a start which is cut off leaves no half of a secret.
mv "$file.new" "$file"
echo "A new internal token was made for this cluster."
