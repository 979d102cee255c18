# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Progress messages: a line for each step with the seconds since the start, another line every 15 s while a step runs, and the
# end of the log of a step that fails. They go to standard error. Sourced.

: "${ASHMEM_STARTED:=$EPOCHSECONDS}"
export ASHMEM_STARTED

say() {
    printf '[%4d s] %s\n' "$((EPOCHSECONDS - ASHMEM_STARTED))" "$*" >&2
}

# die WHY...: prints each argument as a line, and ends
die() {
    printf 'run: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '     %s\n' "$@" >&2
    exit 1
}

quote_end() {
    tail -n "$2" "$1" | sed 's/^/     | /' >&2
}

# last_line LOG: prints the last line that is not empty, cut to 100 characters
last_line() {
    tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | tr -cd '[:print:]\n' | grep '[^ ]' | tail -n 1 | cut -c1-100
}

# signs_of_life TITLE LOG: prints until it is killed
signs_of_life() {
    local began=$EPOCHSECONDS
    while sleep 15; do
        say "... still $1, for $((EPOCHSECONDS - began)) s ($(last_line "$2"))"
    done
}

# spent SECONDS TITLE: keeps it for the table of ./run test
spent() {
    [ -z "${ASHMEM_TIMES:-}" ] || printf '%d\t%s\n' "$1" "$2" >>"$ASHMEM_TIMES"
}

# step LOG TITLE COMMAND...: runs COMMAND with its output in LOG, and returns its status
step() {
    local log=$1 title=$2 status=0 began=$EPOCHSECONDS alive
    shift 2
    mkdir -p "${log%/*}"
    say "$title"
    "$@" >"$log" 2>&1 </dev/null &
    step_pid=$!
    signs_of_life "$title" "$log" &
    alive=$!
    wait "$step_pid" || status=$?
    kill "$alive" 2>/dev/null
    wait "$alive" 2>/dev/null
    spent "$((EPOCHSECONDS - began))" "$title"
    if [ "$status" -eq 0 ]; then
        say "done in $((EPOCHSECONDS - began)) s: $title"
    else
        say "FAILED with status $status: $title"
        printf '     the end of %s:\n' "$log" >&2
        quote_end "$log" 25
    fi
    return "$status"
}
