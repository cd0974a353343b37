#!/bin/sh
# Runs the tests so many times in a row, whatever fails, and ends with the tests that failed: soak.sh TIMES
# What each run wrote is in target/soak/.
set -u
cd "$(dirname "$0")/.."
times=$1
rm -rf target/soak
mkdir -p target/soak
failed=0
run=1
while [ "$run" -le "$times" ]; do
    log=target/soak/$run.log
    passed=yes
    PLAYS_ONCE=yes make --keep-going test-rust test-rust-long test-rust-alone test-players >"$log" 2>&1 || passed=no
    if [ $passed = yes ]; then
        echo "run $run of $times: passed"
    else
        failed=$((failed + 1))
        echo "run $run of $times: failed"
        sed -n 's/^test \(.*\) \.\.\. FAILED$/    \1/p; s/^ *✖ \(.* ([0-9.]*ms)\)$/    \1/p' "$log" | sort -u
    fi
    run=$((run + 1))
done
echo "$failed of $times runs failed"
[ "$failed" = 0 ]
