#!/bin/sh
# Makes .venv hold exactly what deploy/requirements.lock says. Does nothing, in a few milliseconds, when it already does.
# Needs Python 3.11 or newer and nothing else; asks the package index that pip is configured for.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)
lock=deploy/requirements.lock
state="$root
$(sha256sum <"$lock")"
mark=.venv/.made-from

made() { [ -x .venv/bin/python ] && [ "$(cat "$mark" 2>/dev/null)" = "$state" ]; }
say() { printf '%s\n' "$*" >&2; }

made && exit 0

# `make up` and `make test` may both be the first: the second waits here and then finds the work done.
if [ -z "${TOLLGATE_ENVIRONMENT_LOCKED:-}" ] && command -v flock >/dev/null; then
    TOLLGATE_ENVIRONMENT_LOCKED=1 exec flock "$0" "$0"
fi
made && exit 0

python=
for candidate in python3.11 python3.12 python3.13 python3.14 python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "Tollgate needs Python 3.11 or newer, and there is none on the PATH."
    say "On Debian: apt-get install python3 python3-venv"
    exit 1
fi

# A checkout that was moved or whose Python is gone has an environment that only looks alive.
if [ -e .venv ] && ! { .venv/bin/python -c '' && [ "$(head -n 1 "$mark" || echo "$root")" = "$root" ]; } 2>/dev/null; then
    rm -rf .venv
fi

if [ ! -x .venv/bin/pip ]; then
    if ! { "$python" -m ensurepip --version && "$python" -c 'import venv'; } >/dev/null 2>&1; then
        # Debian ships these two in a package of their own.
        package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "Installing $package, without which Python cannot make an environment."
            export DEBIAN_FRONTEND=noninteractive
            apt-get install -y -qq "$package" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$package"; } >/dev/null
        else
            say "Python cannot make an environment here: the package $package is missing."
            say "Install it as root (apt-get install $package) and repeat the command."
            exit 1
        fi
    fi
    say "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

say "Installing the packages of $lock"
pip=.venv/bin/pip
export PIP_DISABLE_PIP_VERSION_CHECK=1
rm -f "$mark"

# uv installs many times faster than pip. It comes from the same lock; where it cannot work, pip does the whole job.
with_uv() {
    one=.venv/uv.lock
    awk '/^[a-z0-9]/ { inside = /^uv==/ } inside' "$lock" >"$one"
    "$pip" install --quiet --require-hashes --no-deps --requirement "$one" || return 1
    # uv does not read pip's configuration: hand it on. Hashes make it harmless to take a file from whichever index.
    configured() { "$pip" config list 2>/dev/null | sed -n "s/^[^=]*\.$1='\(.*\)'\$/\1/p" | tail -n 1; }
    value=$(configured index-url) && [ -n "$value" ] && export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$value}"
    value=$(configured extra-index-url) && [ -n "$value" ] && export UV_INDEX="${UV_INDEX:-$value}"
    value=$(configured find-links) && [ -n "$value" ] && export UV_FIND_LINKS="${UV_FIND_LINKS:-$value}"
    value=$(configured cert) && [ -n "$value" ] && export SSL_CERT_FILE="${SSL_CERT_FILE:-$value}"
    [ -w "${HOME:-/nonexistent}" ] || export UV_CACHE_DIR="$root/.venv/.cache"
    UV_INDEX_STRATEGY=unsafe-best-match .venv/bin/uv pip install --quiet --no-config --no-progress \
        --python .venv/bin/python --require-hashes --requirement "$lock"
}
with_uv || {
    say "uv could not do it; pip does, which takes a few minutes."
    "$pip" install --quiet --require-hashes --no-deps --requirement "$lock"
}
rm -rf .venv/.cache .venv/uv.lock
printf '%s\n' "$state" >"$mark"
