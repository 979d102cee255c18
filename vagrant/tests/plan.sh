# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Reads the table plan. Sourced, on the host and in the guests. With ASHMEM_ALL=yes the column "all" counts.

plan_table=$(dirname "${BASH_SOURCE[0]}")/plan

# plan_machines KIND NAME: prints the machines of a row, separated by commas
plan_machines() {
    local kind pattern run all _
    while read -r kind pattern run all _; do
        # shellcheck disable=SC2053
        [[ $kind = "$1" && $2 = $pattern ]] || continue
        [ "${ASHMEM_ALL:-}" != yes ] || run=${all/#+/$run,}
        echo "$run"
        return
    done <"$plan_table"
}

# plan_has KIND NAME MACHINE: does MACHINE run it?
plan_has() {
    [[ ,$(plan_machines "$1" "$2"), = *",$3,"* ]]
}

# plan_lacks MACHINE PROGRAM: prints the cases that MACHINE cannot run, each with the reason; ":" alone is all of them
plan_lacks() {
    local kind name machine why
    while read -r kind name machine why; do
        # shellcheck disable=SC2053
        [[ $kind = lacks && $machine = "$1" && $2 = ${name%%:*} ]] || continue
        echo ":${name#*:} $why"
    done <"$plan_table"
}
