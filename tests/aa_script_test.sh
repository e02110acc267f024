#!/bin/sh
# scripts/aa with a program that only pretends: it goes on where it was, and it ends.
# aa_script_test.sh SCRIPTS/AA
set -u
aa=$(realpath "$1") || exit 99
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

# Exits as $tmp/code says; what it appends stands in $tmp/line. Runs are counted in $tmp/runs.
cat >poolstorm <<END_OF_PROGRAM
#!/bin/sh
case \$1 in
run)
    echo >>"$tmp/runs"
    exit "\$(cat "$tmp/code")"
    ;;
noise)
    [ "\$2" != --append ] || sed "s/N/\$(wc -l <"$tmp/runs")/" "$tmp/line" >>"\$3"
    ;;
esac
END_OF_PROGRAM
chmod +x poolstorm

# aa CODE LINE ARGS...: from nothing
begin() {
    rm -f runs aa.csv
    echo "$1" >code
    printf '%s\n' "$2" >line
    : >runs
    echo heads >aa.csv
}

# ran CODE RUNS ARGS...
ran() {
    code=$1 runs=$2
    shift 2
    "$aa" --file "$tmp/aa.csv" "$@" "$tmp/poolstorm" >out 2>err </dev/null
    [ $? -eq "$code" ] && [ "$(wc -l <runs)" -eq "$runs" ]
}

begin 0 'then,N,c,s,v,qps,6,12,0,1,1,1,equivalent'
ran 0 3 --runs 3
result $? 'it makes as many runs as are asked for'
ran 0 5 --runs 5
result $? 'and goes on where it was'
ran 0 5 --show
result $? 'and shows without a run'
(cd "$tmp" && "$aa" --show --file aa.csv ./poolstorm >out 2>err </dev/null)
result $? 'its file and its program are meant from where it is called'
begin 1 'then,N,c,s,v,qps,6,12,0,1.1,1.1,1.1,better'
ran 0 2 --runs 2
result $? 'a difference is a finding like any other'
begin 4 'then,N,c,s,v,,0,12,12,,,,invalid'
ran 4 5 --runs 3
result $? 'five runs in a row that cannot be believed are the end'
begin 0 ''
sed -i d line
ran 4 5 --runs 3
result $? 'and so are runs that add nothing'
begin 5 ''
ran 5 1 --runs 3
result $? 'and one that does not come about'
begin 0 ''
ran 2 0 --rounds 5
grep -q 'expected 6 or more, not 5' err
result $? 'too few rounds to find anything are refused'
ran 2 0 --runs many
result $? 'and what is no number'
ran 2 0 --runs
result $? 'and no value at all'
finish
