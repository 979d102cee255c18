# SPDX-License-Identifier: Apache-2.0
# Turns XML reports of Surefire, of JUnit's console launcher or of kunit.py into results: STATUS, SECTION, NAME, REASON,
# separated by tabs. A skipped test counts as failed.
# usage: awk -v section=S -f junit.awk TEST-*.xml

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
    gsub(/&apos;/, "'", text)
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
