# SPDX-License-Identifier: Apache-2.0
# Turns the end of jcstress's output into results: STATUS, SECTION, NAME, REASON, separated by tabs. A test without a
# sample counts as failed, and so does a test that is missing.
# usage: awk -v section=S -v tests="CLASS.TEST ..." -f jcstress.awk LOG

/^RUN RESULTS:/ { results = 1 }
!results { next }

match($0, /\[[A-Z ]+\] org\.ashmem\./) {
    split(substr($0, RSTART + 1), said, /\] org\.ashmem\./)
    name = said[2]
    status[name] = said[1]
    samples[name] = 0
    next
}
/^  Failed tests|^  Error tests|^  All remaining tests|HTML report/ { name = "" }
name == "" { next }

/[0-9]%  +(Acceptable|Interesting|Forbidden) / {
    count = $0
    sub(/ +<?[0-9.]+%.*/, "", count)
    sub(/.* /, "", count)
    gsub(/,/, "", count)
    samples[name] += count
    if (/Forbidden/ && count > 0 && reason[name] == "")
        reason[name] = $0
}
/Exception|Error/ && reason[name] == "" { reason[name] = $0 }

END {
    count = split(tests, wanted, " ")
    for (i = 1; i <= count; i++) {
        name = wanted[i]
        why = reason[name]
        if (!(name in status))
            why = "it was not run"
        else if (samples[name] == 0 && why == "")
            why = "no sample was taken"
        else if (status[name] != "OK" && why == "")
            why = "jcstress calls it " status[name]
        gsub(/[\t ]+/, " ", why)
        sub(/^ /, "", why)
        printf "%s\t%s\t%s\t%s\n", why == "" ? "ok" : "fail", section, name, why
    }
}
