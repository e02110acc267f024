#!/usr/bin/env bash
# What bash offers after the words typed so far.
# completion_test.sh POOLSTORM
set -u
poolstorm=$1
number=0 failed=0
# shellcheck disable=SC1090 # the program under test prints it
source <("$poolstorm" completion)

# offers WHAT EXPECTED WORDS...: the last of WORDS is being completed; EXPECTED must be among the
# offers, or with a '!' before it must not be.
offers() {
    local what=$1 expected=$2 found=no wanted=yes
    shift 2
    if [[ $expected == !* ]]; then
        wanted=no
        expected=${expected#!}
    fi
    COMP_WORDS=("$poolstorm" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _poolstorm
    local offer
    for offer in ${COMPREPLY+"${COMPREPLY[@]}"}; do
        [ "$offer" != "$expected" ] || found=yes
    done
    number=$((number + 1))
    if [ $found = $wanted ]; then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what"
        echo "# '$*' offers: ${COMPREPLY[*]-nothing}"
        failed=1
    fi
}

offers 'commands first' doctor ''
offers 'those that start like it' doctor doc
offers 'no others' '!help' doc
offers 'nothing hidden' '!complete' ''
offers 'options of the command' --json doctor --
offers 'the opposite of a flag' --no-json doctor --no
offers 'words of the command' noise doctor no
offers 'scenarios behind list' allocation/encode list allocation/e
offers 'sets, too' headline run head
offers 'commands behind help' doctor help d
offers 'what an option may be' gbench report --format gb
offers 'nothing else there' '!--out' report --format ''
offers 'nothing for a command there is not' '!--json' xylophone --
echo "1..$number"
exit $failed
