#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command as root in mount and PID namespaces of its own. The namespaces end with the command, on a signal to this
# process, or when process OWNER ends. So no process and no mount outlives ./run.
# usage: enclosure.sh OWNER COMMAND...
set -u
owner=$1
shift

# Sends SIGTERM to the namespaces' first process, and SIGKILL to all of them five minutes later. dpkg needs the time to end well.
stop() {
    local first='' waited=0
    trap '' INT TERM HUP
    # read fails on this file, as it has no line end; the variable is set
    read -r first _ <"/proc/$outer/task/$outer/children"
    kill -TERM "$first"
    while kill -0 "$outer" && [ "$((waited += 1))" -le 3000 ]; do
        sleep 0.1
    done
    kill -KILL "$outer"
} 2>/dev/null

if ! unshare --mount --pid --fork true; then
    echo "run: this machine does not let root make namespaces; is it a container without the right to?" >&2
    exit 1
fi
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc -- "$@" <&0 &
outer=$!
tail --pid="$owner" -s 0.2 -f /dev/null </dev/null >/dev/null 2>&1 &
watcher=$!
trap stop INT TERM HUP
wait -n "$outer" "$watcher"
kill -0 "$watcher" 2>/dev/null || stop
kill "$watcher" 2>/dev/null
wait "$outer"
