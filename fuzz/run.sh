#!/usr/bin/env bash
# Runs every fuzz target for a while: fuzz/run.sh [SECONDS] [TARGET...]
# The recorded requests of real clients are the first corpus. A finding stops the run and leaves its
# input in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
shift || true
targets=("$@")
if ((${#targets[@]} == 0)); then
    targets=(targets/*.rs)
    targets=("${targets[@]#targets/}")
    targets=("${targets[@]%.rs}")
fi

golden=../crates/packhorse-wire/tests/golden
mkdir -p corpus/query corpus/signature corpus/answer
"${PYTHON:-python3}" seed.py "$golden" corpus
# Sound images, whose bits the targets of devices change; made by the tools of `make test`.
if [[ " ${targets[*]} " == *" media_"* ]]; then
    export PACKHORSE_FUZZ_IMAGES=$PWD/images
    cargo run --quiet --locked --manifest-path ../Cargo.toml -p packhorse-media --example images -- images
fi

for target in "${targets[@]}"; do
    echo "=== $target, $seconds s"
    cargo +nightly fuzz run --fuzz-dir . "$target" -- \
        -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
done
