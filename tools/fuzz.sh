#!/usr/bin/env bash
# Builds the fuzz targets and runs each for the given number of seconds from its seeds, one on each core: fuzz.sh 60
# A second number is the random seed, 0 for another one each time.
set -euo pipefail
cd "$(dirname "$0")/.."
export SECONDS_EACH=${1:-5} RANDOM_SEED=${2:-1}

fuzz() {
  target=$1
  name=$(basename "$target")
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  seeds=()
  [ ! -d "fuzz/seeds/$name" ] || seeds=("fuzz/seeds/$name")
  log=build/fuzz/$name.log
  what="fuzzing ${name%_fuzzer} for $SECONDS_EACH s"
  if "$target" -max_total_time="$SECONDS_EACH" -seed="$RANDOM_SEED" -rss_limit_mb=4096 -timeout=20 -print_funcs=0 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$corpus" "${seeds[@]}" >"$log" 2>&1; then
    echo "$what: clean, $(awk '/number_of_executed_units/ {print $2}' "$log") inputs"
  else
    printf '%s: failed\n%s\n' "$what" "$(tail -n 40 "$log" | cut -c1-300)"
    return 1
  fi
}
export -f fuzz

cmake --preset fuzz --log-level=WARNING
cmake --build --preset fuzz --target fuzzers
printf '%s\0' build/fuzz/bin/*_fuzzer | xargs -0 -n 1 -P "$(nproc)" bash -c 'set -euo pipefail; fuzz "$1"' fuzz
