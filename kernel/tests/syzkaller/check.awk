# SPDX-License-Identifier: Apache-2.0
# Checks a description of the device in syzkaller's language against the header, and prints each error: a request or a
# field of the header that is missing or different, a name that is undefined or unused, an unknown line, an unmatched
# bracket. Prints nothing if there is no error.
# usage: awk -f check.awk ashmem.h ashmem.txt

function say(what) { print FILENAME ":" FNR ": " what }

# names(TEXT, KEEP): collects the words of TEXT for the lookup at the end, without quoted text and the words in KEEP
function names(text, keep,    word) {
    gsub(/"[^"]*"/, "", text)
    gsub(/0x[0-9a-f]+/, "", text)
    while (match(text, /[A-Za-z_][A-Za-z0-9_]*/)) {
        word = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (!(word in keep))
            used[word] = used[word] ? used[word] : FILENAME ":" FNR
    }
}

function balanced(text,    i, c, stack, open) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(" || c == "[") {
            stack = stack c
        } else if (c == ")" || c == "]") {
            open = substr(stack, length(stack))
            if (open c != "()" && open c != "[]")
                return 0
            stack = substr(stack, 1, length(stack) - 1)
        }
    }
    return stack == ""
}

function define(name) {
    if (name in defined)
        say(name " is defined twice")
    defined[name] = FILENAME ":" FNR
}

# bits(TYPE): the width of a field of TYPE
function bits(type) {
    return type ~ /^ptr64\[/ ? 64 : match(type, /int(8|16|32|64)\]?$/) ? substr(type, RSTART + 3, RLENGTH - 3) + 0 : 0
}

BEGIN {
    split("fd vma len bytesize fileoff buffer ptr ptr64 array string const flags int8 int16 int32 int64 intptr", list, " ")
    for (i in list)
        builtin[list[i]]
    split("in out inout parent", list, " ")
    for (i in list)
        builtin[list[i]]
}

# The header
FNR == NR && match($0, /^#define ASHMEM_[A-Z0-9_]+/) {
    constant[$2]
    if ($3 ~ /^_IO[WR]*\($/ || $3 ~ /^_IO[WR]*\(/)
        request[$2] = $3 ~ /^_IO\(/ ? "any" : $3 ~ /^_IOW/ ? "in" : "out"
}
FNR == NR && /^struct ashmem_[a-z0-9_]+ \{/ { struct = $2; next }
FNR == NR && /^\}/ { struct = "" }
FNR == NR && struct && /^\t__[us](32|64) / {
    field = $2
    sub(/;$/, "", field)
    fields[struct] = fields[struct] " " field ":" substr($1, 4)
}
FNR == NR { next }

# The description
/^#/ || /^$/ { next }
/^include <[a-z0-9_\/.]+>$/ { next }
!balanced($0) { say("brackets do not match: " $0) }

/^resource [a-z_]+\[[a-z0-9_]+\]$/ {
    split($2, part, /[][]/)
    define(part[1])
    names(part[2], builtin)
    next
}
/^[a-z0-9_]+ = / {
    define($1)
    names(substr($0, index($0, "=") + 1), builtin)
    next
}
/^[a-z0-9_]+ \{$/ { define(described = $1); delete own; next }
/^\}$/ {
    if (all != fields[described])
        say(described " has" all ", the header has" fields[described])
    has[described]
    described = all = ""
    next
}
/^\t[a-z_]+\t+[a-z0-9]+(\[.*\])?$/ && described {
    own[$1]
    line = $0
    sub(/^\t[a-z_]+\t+/, "", line)
    all = all " " $1 ":" bits(line)
    for (i in builtin)
        own[i]
    names(line, own)
    next
}
/^[a-z0-9]+\$[A-Za-z0-9_]+\([a-z]+ .*\)( [a-z_]+)?$/ {
    call = substr($0, 1, index($0, "(") - 1)
    if (call in calls)
        say(call " is defined twice")
    calls[call]
    delete own
    for (i in builtin)
        own[i]
    line = substr($0, index($0, "("))
    # the arguments' names, which other arguments may refer to
    rest = line
    while (match(rest, /[(,] ?[a-z]+ [a-z]/)) {
        word = substr(rest, RSTART + 1, RLENGTH - 2)
        gsub(/ /, "", word)
        own[word]
        rest = substr(rest, RSTART + RLENGTH)
    }
    names(line, own)
    if (call ~ /^ioctl\$/) {
        name = substr(call, 7)
        serves[name]
        if (index($0, "(fd fd_region, cmd const[" name "], arg ") == 0)
            say(call " does not use the request " name)
        if (name in request && request[name] != "any" && match($0, /arg ptr\[[a-z]+/) &&
            substr($0, RSTART + 8, RLENGTH - 8) != request[name])
            say(call ": the argument's direction differs from the header's")
    }
    next
}
{ say("not understood: " $0) }

END {
    for (name in request)
        if (!(name in serves))
            print "no ioctl$" name
    for (name in serves)
        if (!(name in request))
            print "the header has no request " name
    for (name in fields)
        if (!(name in has))
            print "no " name
    for (name in used)
        if (!(name in defined) && !(name in constant) && name !~ /^(AT|MAP|O|PROT|SEEK)_[A-Z_]+$/)
            print used[name] ": " name " is not defined"
    for (name in defined)
        if (!(name in used))
            print defined[name] ": " name " is not used"
    if (!length(request) || !length(fields) || !length(calls))
        print "nothing was compared"
}
