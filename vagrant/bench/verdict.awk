# SPDX-License-Identifier: Apache-2.0
# What the tables share. A figure meets what is needed, or counts as missed.

# verdict VALUE NEEDED: does VALUE meet NEEDED? NEEDED is "" or a condition: ">= 1", "<= 1" or "< 1"
function verdict(value, needed,    words, number, met) {
    if (needed == "")
        return ""
    split(needed, words, " ")
    number = words[2] + 0
    met = value == "" ? 0 : words[1] == ">=" ? value >= number : words[1] == "<=" ? value <= number : value < number
    missed += !met
    return met ? "ok" : "MISSED"
}

# thousands NUMBER: 1000000 becomes 1,000,000
function thousands(number,    rest) {
    if (number == "")
        return "no"
    for (rest = ""; number >= 1000; number = int(number / 1000))
        rest = sprintf(",%03d", number % 1000) rest
    return int(number) rest
}
