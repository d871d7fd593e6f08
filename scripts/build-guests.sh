#!/bin/sh
# Builds every guest crate of the workspace for wasm32-unknown-unknown, in one cargo call.
# A guest crate says so in its manifest: [package.metadata.sandbar] guest = true.
# The modules land in target/guests/wasm32-unknown-unknown/guest/<crate>.wasm (GUESTS_DIR names
# another folder than target/guests). Arguments are passed on to cargo build.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
target=wasm32-unknown-unknown
guests_dir=${GUESTS_DIR:-target/guests}

# The names of the guest crates, one a line.
guest_crates() {
    cargo metadata --no-deps --offline --format-version 1 |
        grep -o '"manifest_path":"[^"]*"' | cut -d '"' -f 4 | sort |
        while read -r manifest; do
            awk '
                /^\[/ { section = $1 }
                section == "[package]" && $1 == "name" { gsub(/"/, "", $3); name = $3 }
                section == "[package.metadata.sandbar]" && /^guest *= *true/ { guest = 1 }
                END { if (guest) print name }
            ' "$manifest"
        done
}

crates=$(guest_crates)
if [ -z "$crates" ]; then
    echo "guests: the workspace has no guest crate yet"
    exit 0
fi

toolchain=$("$here/guest-toolchain.sh")
echo "guests: building $(echo "$crates" | wc -l) crates for $target ($toolchain)"
selection=$(echo "$crates" | sed 's/^/-p /')

# CARGO_TARGET_DIR must not redirect the guests: whoever runs them looks in guests_dir.
# With 128-bit vectors the SDK copies short strings in a few instructions; every engine has them.
set -- --profile guest --target "$target" --target-dir "$guests_dir" \
    --config "build.rustflags=[\"-Ctarget-feature=+simd128\"]" "$@"
case $toolchain in
installed)
    # shellcheck disable=SC2086 # the selection is many words on purpose
    cargo build $selection "$@"
    ;;
build-std\ *)
    # Debian's cargo and rustc must not meet a rustup proxy, hence the short PATH. In the folder of
    # a rustup toolchain's rust-lld, gcc-ld holds what it starts.
    linker_folder=${toolchain#build-std }
    # shellcheck disable=SC2086
    env PATH="/usr/bin:/bin:$linker_folder:$linker_folder/gcc-ld" RUSTC_BOOTSTRAP=1 \
        /usr/bin/cargo build $selection "$@" -Zbuild-std=std,panic_abort
    ;;
*)
    echo "guests: no standard library for $target; run scripts/setup.sh" >&2
    exit 1
    ;;
esac

for crate in $crates; do
    module=$guests_dir/$target/guest/$(echo "$crate" | tr - _).wasm
    echo "guests: $module ($(wc -c <"$module") bytes)"
done
