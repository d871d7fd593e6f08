#!/usr/bin/env bash
# Fuzzes a target of fuzz/ with libFuzzer, for 60 seconds or as many as are given:
#   scripts/fuzz.sh TARGET [SECONDS]
# What it learns stays in target/fuzz/corpus/TARGET. An input that breaks something is written to
# target/fuzz/artifacts/TARGET; run the target's binary with that file to see it again.
# Stable rustc will do: coverage is asked of LLVM, and no sanitizer is used. Needs a C++ compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=$(cd fuzz/fuzz_targets && ls -- *.rs | sed 's/\.rs$//' | tr '\n' ' ')
target=${1:-}
seconds=${2:-60}
case " $targets" in
*" ${target:-none} "*) ;;
*)
    echo "fuzz: there is no target \"$target\"; one of: $targets" >&2
    exit 2
    ;;
esac

# As `cargo fuzz run --sanitizer none` has it.
coverage="-Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage="$coverage -Cllvm-args=-sanitizer-coverage-$option"
done
coverage="$coverage --cfg fuzzing -Ccodegen-units=1"
folder=$PWD/target/fuzz
# A target triple keeps the flags from build scripts and macros.
triple=$(rustc -vV | sed -n 's/^host: //p')
(
    cd fuzz
    export CARGO_TARGET_DIR=$folder RUSTFLAGS=$coverage
    cargo build --release --target "$triple" --bin "$target"
)

corpus=$folder/corpus/$target
artifacts=$folder/artifacts/$target
mkdir -p "$corpus" "$artifacts"
export SANDBAR_FUZZ_SEEDS=$corpus
exec "$folder/$triple/release/$target" "$corpus" -artifact_prefix="$artifacts/" \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1
