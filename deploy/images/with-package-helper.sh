#!/bin/sh
# Entry of a container that is started as root so that users may install packages of the system: the package helper as root,
# the program as its own user, from whom nothing leads back.
set -eu
user=10001
[ -d "$CLAWMESH_DATA_DIR" ] || install -d -m 700 -o $user -g $user "$CLAWMESH_DATA_DIR"
clawmesh package-helper --group $user &
exec env HOME=/tmp setpriv --reuid=$user --regid=$user --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all clawmesh "$@"
