#!/bin/sh
# Prints how guests can be built for wasm32-unknown-unknown on this machine:
#   installed         the active Rust toolchain has the target's standard library
#   build-std FOLDER  Debian's Rust toolchain is there with its sources, cargo builds std as it
#                     goes, and the linker rust-lld is in FOLDER
#   none              neither; scripts/setup.sh says what is missing
# SANDBAR_GUEST_TOOLCHAIN=build-std passes over the first answer.
set -eu

target=wasm32-unknown-unknown

has_target() {
    libdir=$(rustc --print target-libdir --target "$target" 2>/dev/null) &&
        ls "$libdir"/libcore-*.rlib >/dev/null 2>&1
}

has_debian_toolchain() {
    [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] &&
        [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]
}

# Debian's own rust-lld, a link that dangles without its lld package, or that of a rustup toolchain.
linker_folder() {
    for linker in /usr/bin/rust-lld "$(rustc --print sysroot)"/lib/rustlib/*/bin/rust-lld; do
        if [ -x "$linker" ]; then
            dirname "$linker"
            return
        fi
    done
    return 1
}

if [ "${SANDBAR_GUEST_TOOLCHAIN:-}" != build-std ] && has_target; then
    echo installed
elif has_debian_toolchain && folder=$(linker_folder); then
    echo "build-std $folder"
else
    echo none
fi
