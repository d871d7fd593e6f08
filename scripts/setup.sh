#!/bin/sh
# Brings a Debian machine that has cargo to the point where Sandbar and its guests build: a C
# compiler (for the crate zstd-sys), and a standard library for wasm32-unknown-unknown.
# With the argument `lints` it also brings rustfmt and clippy, which `make lint` and CI run.
# Safe to run again: what is there is left alone. One line says what was found or done for each.
# Exits 1, after trying everything, when something needed could not be installed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
target=wasm32-unknown-unknown
missing=0

# Debian's Rust with the sources of its standard library; its linker's package is found by name.
debian_rust='rustc-web cargo-web rust-web-src rust-web-llvm'

# Seconds rustup may take to fetch the target before Debian's packages are tried instead.
rustup_timeout_s=120

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: MISSING: %s\n' "$*" >&2
    missing=1
}

# Runs a command as root, through sudo where that needs no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Installs Debian packages; the package lists are refreshed only when the first try fails.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    say "apt-get install $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" </dev/null && return 0
    as_root apt-get update -q </dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" </dev/null
}

check_cargo() {
    if version=$(cargo --version 2>/dev/null); then
        say "cargo: $version"
    else
        fail "cargo; install Rust 1.95 or later (rustup), or: apt-get install cargo-web"
    fi
}

check_c_compiler() {
    if command -v cc >/dev/null 2>&1; then
        say "C compiler: $(command -v cc)"
    elif apt_install gcc libc6-dev && command -v cc >/dev/null 2>&1; then
        say "C compiler: installed gcc"
    else
        fail "a C compiler (cc); as root: apt-get install gcc libc6-dev"
    fi
}

check_guest_target() {
    if [ "$("$here/guest-toolchain.sh")" = none ] && command -v rustup >/dev/null 2>&1; then
        say "$target: rustup target add (at most $rustup_timeout_s s)"
        timeout "$rustup_timeout_s" rustup target add "$target" </dev/null ||
            say "$target: rustup could not add it, trying Debian's packages"
    fi
    if [ "$("$here/guest-toolchain.sh")" = none ]; then
        # shellcheck disable=SC2086 # many packages on purpose
        apt_install $debian_rust
        # Debian's rust-lld is a link to the lld of one version, whose package bears that name.
        if [ ! -x /usr/bin/rust-lld ] && lld=$(readlink /usr/bin/rust-lld); then
            apt_install "$lld"
        fi
    fi
    case $("$here/guest-toolchain.sh") in
    installed) say "$target: standard library of $(rustc --version)" ;;
    build-std*) say "$target: built from source by Debian's $(/usr/bin/cargo --version)" ;;
    *)
        fail "a standard library for $target; either: rustup target add $target," \
            "or as root on Debian: apt-get install $debian_rust lld-22"
        ;;
    esac
}

# check_lint COMMAND COMPONENT PACKAGE: the cargo command, its name in rustup and in Debian.
check_lint() {
    if ! cargo "$1" --version >/dev/null 2>&1; then
        if command -v rustup >/dev/null 2>&1; then
            timeout "$rustup_timeout_s" rustup component add "$2" </dev/null
        else
            apt_install "$3"
        fi
    fi
    if version=$(cargo "$1" --version 2>/dev/null); then
        say "$2: $version"
    else
        fail "$2; either: rustup component add $2, or as root on Debian: apt-get install $3"
    fi
}

check_cargo
check_c_compiler
[ "$missing" -eq 1 ] || check_guest_target
if [ "${1:-}" = lints ]; then
    check_lint fmt rustfmt rustfmt-web
    check_lint clippy clippy rust-web-clippy
fi
exit "$missing"
