#!/usr/bin/env bash
# Builds the fuzz targets and runs each for the given number of seconds from its seeds: fuzz.sh 60
# A second number is the random seed, 0 for another one each time.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
random_seed=${2:-1}

cmake --preset fuzz --log-level=WARNING
cmake --build --preset fuzz --target fuzzers
for target in build/fuzz/bin/*_fuzzer; do
  name=$(basename "$target")
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  seeds=()
  [ ! -d "fuzz/seeds/$name" ] || seeds=("fuzz/seeds/$name")
  log=build/fuzz/$name.log
  printf 'fuzzing %s for %s s: ' "${name%_fuzzer}" "$seconds"
  if "$target" -max_total_time="$seconds" -seed="$random_seed" -rss_limit_mb=4096 -timeout=20 -print_funcs=0 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$corpus" "${seeds[@]}" >"$log" 2>&1; then
    echo "clean, $(awk '/number_of_executed_units/ {print $2}' "$log") inputs"
  else
    echo "failed"
    tail -n 40 "$log" | cut -c1-300
    exit 1
  fi
done
