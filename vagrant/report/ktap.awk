# SPDX-License-Identifier: Apache-2.0
# Turns one program's KTAP into results: STATUS, SECTION, NAME, REASON, separated by tabs. A skipped case counts as
# failed, and so does a case that the plan announces and that has no result.
# usage: awk -v section=S -v program=P -v ended=HOW -f ktap.awk FILE      (HOW: empty if the program exited with 0)

function result(status, name, reason) {
    gsub(/\t/, " ", reason)
    printf "%s\t%s\t%s\t%s\n", status, section, program ": " name, reason
}

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ && !planned { planned = 1; plan = substr($0, 4) + 0 }

/^(not )?ok [0-9]+/ {
    failed = /^not /
    line = $0
    sub(/^(not )?ok [0-9]+ *(- )?/, "", line)
    name = line
    reason = ""
    if ((at = index(line, "#")) > 0) {
        name = substr(line, 1, at - 1)
        reason = substr(line, at + 1)
    }
    gsub(/^ +| +$/, "", name)
    gsub(/^ +| +$/, "", reason)
    seen++
    if (toupper(reason) ~ /^(SKIP|TODO)/) {
        failed = 1
        reason = "skipped: " reason
    }
    any_failed += failed
    result(failed ? "fail" : "ok", name, reason)
}

END {
    why = ended == "" ? "exited with 0" : ended
    if (!planned) {
        result("fail", "plan", "it printed no plan and " why)
    } else if (plan == 0) {
        result("fail", "plan", "its plan has no case")
    }
    for (i = seen + 1; i <= plan; i++)
        result("fail", "case " i " of " plan, "never came: the program " why)
    if (planned && seen > plan)
        result("fail", "plan", seen " cases came, " plan " were announced")
    if (planned && seen >= plan && ended != "" && !any_failed)
        result("fail", "exit", "no case failed, but the program " ended)
}
