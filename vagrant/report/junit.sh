# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What JUnit's console launcher did, as results: STATUS, SECTION, NAME, REASON, parted by tabs. Sourced, on the host and in
# the guest.

: "${top:?}"

# What every run of it gets, besides the tests to run. What -Xcheck:jni finds is printed among the rest.
junit_launcher=(-Xcheck:jni --enable-native-access=ALL-UNNAMED)
junit_execute=(org.junit.platform.console.ConsoleLauncher execute --details=tree --disable-banner --disable-ansi-colors
    --fail-if-no-tests)

# junit_results SECTION LOG REPORTS ENDED: what was printed is in LOG; ENDED says in words how the JVM ended if not well
junit_results() {
    local section=$1 log=$2 reports=$3 ended=$4 tests found
    tests=$(cat "$reports"/TEST-*.xml 2>/dev/null | awk -v section="$section" -f "$top/vagrant/report/junit.awk") ||
        ended=${ended:-reports that cannot be read}
    if [ -n "$tests" ]; then printf '%s\n' "$tests"; else ended=${ended:-no test was reported}; fi
    if [ -n "$ended" ] && ! grep -q '^fail' <<<"$tests"; then
        junit_line fail "$section" "the launcher" "$ended: $(tail -n 3 "$log")"
    fi
    found=$(grep -m 1 -A 2 -E '(WARNING|FATAL ERROR) in native method' "$log") || true
    junit_line "${found:+fail}" "$section" "-Xcheck:jni finds nothing" "$found"
}

# sanitizer_results SECTION LOG: the same of a JVM with a sanitizer, which ends it at once
sanitizer_results() {
    local found
    found=$(grep -m 1 -A 2 -E 'ERROR: AddressSanitizer|runtime error: ' "$2") || true
    junit_line "${found:+fail}" "$1" "the sanitizers find nothing" "$found"
}

junit_line() {
    printf '%s\t%s\t%s\t%s\n' "${1:-ok}" "$2" "$3" "$(tr '\t\n' '  ' <<<"${4-}" | cut -c1-400)"
}

# The environment for a JVM, with the sanitizer's library: it makes faults on purpose and leaves memory to its end.
sanitizer_environment() {
    printf '%s\n' "LD_PRELOAD=$1" ASAN_OPTIONS=handle_segv=0:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
}
