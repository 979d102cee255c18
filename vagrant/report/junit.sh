# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Turns JUnit's XML reports into results: STATUS, SECTION, NAME, REASON, separated by tabs. Sourced on the host and in the guest.

# The options of every run, besides the tests to run. The JVM prints what -Xcheck:jni finds among its other output.
junit_launcher=(-Xcheck:jni --enable-native-access=ALL-UNNAMED)
junit_execute=(org.junit.platform.console.ConsoleLauncher execute --details=tree --disable-banner --disable-ansi-colors
    --fail-if-no-tests)

# junit_path PROJECT [TESTS]: prints the class path of the tests of a Maven project in its folder, or in TESTS, on its jar: Maven
# itself tests a folder
junit_path() {
    echo "${2:-$1/target/test-classes}:$(echo "$1"/target/ashmem-*.jar):$1/target/test-lib/*"
}

# junit_repository PROJECT: prints the folder of Maven's repository, which Surefire's reports name
junit_repository() {
    sed -n 's/.*name="localRepository" value="\([^"]*\)".*/\1/p' "$1"/target/surefire-reports/TEST-*.xml | head -n 1
}

# junit_cases SECTION FILE...: the cases in reports of Surefire, the console launcher or kunit.py. A skipped test is a failure
junit_cases() {
    local section=$1
    shift
    awk -v section="$section" '
        BEGIN { RS = "<" }

        function attribute(key,    text) {
            if (!match($0, "[ \t\n]" key "=\"[^\"]*\""))
                return ""
            text = substr($0, RSTART, RLENGTH)
            sub(/^[^"]*"/, "", text)
            sub(/"$/, "", text)
            gsub(/&#(10|9|13|x[aA9dD]);|[\t\r\n]/, " ", text)
            gsub(/&lt;/, "<", text)
            gsub(/&gt;/, ">", text)
            gsub(/&quot;/, "\"", text)
            gsub(/&apos;/, "\047", text)
            gsub(/&amp;/, "\\&", text)
            return text
        }

        function flush_case() {
            if (name != "")
                printf "%s\t%s\t%s\t%s\n", status, section, name, substr(reason, 1, 400)
            name = ""
        }

        /^!\[CDATA\[/ { quoted = 1 }
        quoted { if (/\]\]>/) quoted = 0; next }

        /^testsuite[ \t\n]/ { suite = attribute("name") }
        /^testcase[ \t\n]/ {
            flush_case()
            class = attribute("classname")
            sub(/^.*\./, "", class)
            if (class == "")
                class = suite
            name = class "." attribute("name")
            status = "ok"
            reason = ""
        }
        /^(failure|error|skipped)[ \t\n\/>]/ {
            if (name == "") {
                name = "(outside a test)"
            }
            status = "fail"
            reason = attribute("message")
            if (reason == "")
                reason = attribute("type")
            if (reason == "") {
                reason = $0
                sub(/^[^>]*>/, "", reason)
                gsub(/[\t\r\n]+/, " ", reason)
            }
            if (/^skipped/)
                reason = "skipped: " reason
        }
        /^\/testcase>/ { flush_case() }

        END { flush_case() }
        ' "$@"
}

# junit_results SECTION LOG REPORTS ENDED: LOG has the JVM's output; ENDED says how the JVM failed, or is empty
junit_results() {
    local section=$1 log=$2 reports=$3 ended=$4 tests found
    tests=$(junit_cases "$section" "$reports"/TEST-*.xml 2>/dev/null) ||
        ended=${ended:-reports that cannot be read}
    if [ -n "$tests" ]; then printf '%s\n' "$tests"; else ended=${ended:-no test was reported}; fi
    if [ -n "$ended" ] && ! grep -q '^fail' <<<"$tests"; then
        junit_line fail "$section" "the launcher" "$ended: $(tail -n 3 "$log")"
    fi
    found=$(grep -m 1 -A 2 -E '(WARNING|FATAL ERROR) in native method' "$log") || true
    junit_line "${found:+fail}" "$section" "-Xcheck:jni finds nothing" "$found"
}

# sanitizer_results SECTION LOG: the same for the sanitizers, which end the JVM at the first error
sanitizer_results() {
    local found
    found=$(grep -m 1 -A 2 -E 'ERROR: AddressSanitizer|runtime error: ' "$2") || true
    junit_line "${found:+fail}" "$1" "the sanitizers find nothing" "$found"
}

junit_line() {
    printf '%s\t%s\t%s\t%s\n' "${1:-ok}" "$2" "$3" "$(tr '\t\n' '  ' <<<"${4-}" | cut -c1-400)"
}

# sanitizer_environment LIBRARY: prints the environment of a JVM with the sanitizers. A JVM causes SIGSEGV on purpose, and
# does not free all memory at its end
sanitizer_environment() {
    printf '%s\n' "LD_PRELOAD=$1" ASAN_OPTIONS=handle_segv=0:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
}
