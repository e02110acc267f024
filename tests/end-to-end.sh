#!/bin/sh
# The whole program on real load, short: every scenario that ships runs, writes its record, and keeps
# its invariants. Figures are not judged: a busy machine may make rounds invalid (exit status 4).
# end-to-end.sh POOLSTORM
set -u
poolstorm=$1
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
failed=0

for scenario in $("$poolstorm" list | sed -n 's/^ *\([a-z-]*\/[a-z0-9-]*\) .*/\1/p'); do
    "$poolstorm" run "$scenario" --quick --no-grid --rounds 2 --set warmup=200ms --set measure=600ms --set drain=400ms \
        --out "$tmp/run" >"$tmp/out" 2>&1
    code=$?
    record=$(find "$tmp/run" -name result.json | head -n 1)
    if { [ $code -eq 0 ] || [ $code -eq 4 ]; } && [ -s "$record" ]; then
        echo "ok: $scenario (exit $code)"
    else
        echo "FAILED: $scenario (exit $code)"
        cat "$tmp/out"
        failed=1
    fi
    rm -rf "$tmp/run"
done
exit $failed
