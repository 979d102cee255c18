# SPDX-License-Identifier: Apache-2.0
# What kernel.awk and reclaim.awk share: a figure meets what is needed, or counts as missed.

# verdict VALUE NEEDED: does VALUE meet NEEDED? NEEDED is "" or a condition such as ">= 1"
function verdict(value, needed,    number, met) {
    if (needed == "")
        return ""
    number = substr(needed, 4) + 0
    met = value == "" ? 0 : needed ~ /^>=/ ? value >= number : value <= number
    missed += !met
    return met ? "ok" : "MISSED"
}
