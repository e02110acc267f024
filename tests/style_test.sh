#!/bin/sh
# The rules of the house that a program can check, over every file of the project.
# style_test.sh ROOT
# shellcheck disable=SC2086,SC2046 # lists of words: our file names have no spaces
# shellcheck disable=SC2317 # the checks are called by their names
set -u
cd "$1" || exit 99
number=0 failed=0

# Our own sources.
ours=$(find harness faults scenarios scripts tests \( -name '*.[ch]' -o -name '*.cc' \) \
    -not -path '*/node_modules/*' | LC_ALL=C sort)
[ -n "$ours" ] || exit 99

# rule WHAT CHECK: CHECK prints the places that break it.
rule() {
    broken=$($2)
    number=$((number + 1))
    if [ -z "$broken" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        printf '%s\n' "$broken" | sed 's/^/# /'
        failed=1
    fi
}

# clang-format leaves a function's braces alone in the first column.
long_functions() {
    awk '
        FNR == 1 { start = 0 }
        /^\{$/ { start = FNR }
        /^\}$/ && start {
            if (FNR - start + 1 > 70)
                printf "%s:%d: %d lines\n", FILENAME, start, FNR - start + 1
            start = 0
        }' $ours
}

nameless_files() {
    for file in $ours; do
        sed -n 1p "$file" | grep -qxE '(//|/\*) SPDX-License-Identifier: MIT( \*/)?' ||
            echo "$file:1: expected the SPDX line"
        sed -n 2p "$file" | grep -qE "^(//|/\*) $(basename "$file") - ." ||
            echo "$file:2: expected '/* $(basename "$file") - what it is. */'"
    done
}

second_names() {
    grep -nE 'typedef +(struct|union|enum)[^(]*$' $ours /dev/null
}

unsteady_calls() {
    grep -nE '\<(CLOCK_REALTIME\>|(gettimeofday|srand|rand|random) *\()' $ours /dev/null
}

# Each folder, and what of ours it may include: data flows downwards only.
upward_includes() {
    while read -r folder may; do
        [ -d "$folder" ] || continue
            grep -nE '^#include "[a-z]+/' $(printf '%s\n' $ours | grep "^$folder/") /dev/null |
            grep -vE "#include \"($may)/"
    done <<'END'
harness/core core
harness/measure core|measure
harness/postgres core|postgres
scenarios/subject core|measure|postgres|subject
scenarios/micro core|measure|subject|benchmark|micro
faults core|faults
harness/load core|measure|load
harness/plan core|measure|load|faults|subject|plan
harness/run core|measure|postgres|load|faults|subject|plan|run
harness/report core|measure|load|plan|run|report
harness/benchmark benchmark|measure
scripts/versus.d core|measure|postgres|subject
END
}

# What may be taken out of the service by itself: its pools, and what protects it.
service_in_modules() {
    for module in breaker bulkhead cached_read conn_pool magazine object_pool retry single_flight \
        token_bucket; do
        grep -nE '^#include "[a-z]+/' scenarios/subject/$module*.[ch] /dev/null
    done | grep -vE '#include "(core/|measure/hist\.h|subject/(counter|hash|window)\.h)' |
        grep -vE '#include "subject/(breaker|bulkhead|cached_read|magazine|retry)\.h' |
        grep -vE '#include "subject/(single_flight|token_bucket|(conn|object)_pool(_internal)?)\.h'
}

# The brackets keep this file from finding itself.
# The service has paths of its own that begin like one of a machine's.
foreign_words() {
    grep -rnIE --exclude-dir=build --exclude-dir=node_modules --exclude-dir=runs --exclude-dir=.git \
        --exclude=.git \
        '/wor[k]/|/roo[t]/|/hom[e]/[a-z]|registr[y]\.npmjs|de[b]\.debian|prox[y]\.golang|pyp[i]\.org' . |
        grep -vE '/wor[k]/(keyed|pooled|shared|tasks)'
}

# The names of kinds and of their attributes stand in backquotes in the table of docs/faults.md.
untold_faults() {
    for file in faults/*.c; do
        kind=$(sed -n 's/^const struct fault_type fault_\([a-z_]*\) = {$/\1/p' "$file")
        [ -n "$kind" ] || continue
        row=$(grep "^| \`$kind\`" docs/faults.md)
        [ -n "$row" ] || echo "$file: $kind is not in docs/faults.md"
        sed -n 's/.*PARAMS*_*[A-Z]*("\([a-z_]*\)".*/\1/p' "$file" | while read -r name; do
            case $row in
            *"\`$name\`"*) ;;
            *) echo "$file: $name of $kind is not in docs/faults.md" ;;
            esac
        done
    done
}

stray_blanks() {
    grep -nE "[[:space:]]+\$|$(printf '\t')" $ours /dev/null
}

rule 'functions have 70 lines at most' long_functions
rule 'files say what they are' nameless_files
rule 'structs have no second name' second_names
rule 'time is monotonic, randomness is seeded' unsteady_calls
rule 'includes point downwards' upward_includes
rule 'pools and patterns know nothing of the service' service_in_modules
rule 'no path of one machine, no host of a registry' foreign_words
rule 'kinds of faults are documented' untold_faults
rule 'no tabs, no blanks at the end of lines' stray_blanks
echo "1..$number"
exit $failed
