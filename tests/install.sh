#!/usr/bin/env bash
# Brings what the tests need beside Rust, Python 3 and Node, and says nothing when it is all there.
#
# Tools that Debian would run as a service (haproxy, nginx, prometheus) are unpacked below target/tools and
# never installed: the tests want the program, not a daemon that starts with the machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TOOLS="$PWD/target/tools"
readonly VENV="$PWD/target/venv"
readonly ATTEMPTS_MAX=4
export DEBIAN_FRONTEND=noninteractive
PATH="$TOOLS/usr/bin:$TOOLS/usr/sbin:$PATH:/usr/sbin"

say() { printf 'tests/install.sh: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command up to ATTEMPTS_MAX times, waiting longer each time: mirrors and networks fail.
retry() {
    local attempt=1
    until "$@"; do
        if ((attempt >= ATTEMPTS_MAX)); then
            say "failed $ATTEMPTS_MAX times: $*"
            return 1
        fi
        say "attempt $attempt of $ATTEMPTS_MAX failed, trying again: $*"
        sleep $((attempt * 5))
        attempt=$((attempt + 1))
    done
}

as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    elif have sudo; then
        sudo --preserve-env=DEBIAN_FRONTEND "$@"
    else
        say "needs root for: $*"
        say "run it once as root, or install sudo, then start again"
        return 1
    fi
}

apt_updated=no
apt_update() {
    [[ $apt_updated == yes ]] && return
    have apt-get || {
        say "no apt-get here: install '$1' with your own package manager, then start again"
        return 1
    }
    say "refreshing the package lists"
    retry as_root apt-get update -qq
    apt_updated=yes
}

# Installs Debian packages. None of those named below is a service.
apt_install() {
    apt_update "$*"
    say "installing $*"
    retry as_root apt-get install -y -qq --no-install-recommends -o Acquire::Retries=5 "$@" >/dev/null
}

# Unpacks programs of a Debian package below target/tools, without installing or starting them.
apt_unpack() {
    local package=$1 folder
    shift
    apt_update "$package"
    say "unpacking $* below target/tools"
    folder=$(mktemp -d)
    # The download may run as root only to read the lists; it must not drop to another user.
    (cd "$folder" && retry apt-get download -qq -o Acquire::Retries=5 -o APT::Sandbox::User=root "$package")
    mkdir -p "$TOOLS"
    dpkg --fsys-tarfile "$folder"/*.deb | tar --extract --directory "$TOOLS" "${@/#/./}"
    rm -rf "$folder"
}

install_tools() {
    local missing=() faketime
    faketime="usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1"
    have cc || missing+=(build-essential)
    have valgrind || missing+=(valgrind)
    have curl || missing+=(curl ca-certificates)
    have openssl || missing+=(openssl)
    have git || missing+=(git)
    have npm || missing+=(npm)
    have chromium || missing+=(chromium)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
    have nginx || apt_unpack nginx usr/sbin/nginx
    have haproxy || apt_unpack haproxy usr/sbin/haproxy
    [[ -f $TOOLS/$faketime || -f /$faketime ]] || apt_unpack libfaketime "$faketime"
    have promtool && have prometheus || apt_unpack prometheus usr/bin/promtool usr/bin/prometheus
    nginx -v 2>/dev/null || {
        say "nginx was unpacked and does not run; its libraries are installed instead"
        apt_install libpcre2-8-0 libssl3 zlib1g libcrypt1
        nginx -v
    }
    haproxy -v >/dev/null 2>&1 || {
        say "haproxy was unpacked and does not run; its libraries are installed instead"
        apt_install liblua5.3-0 libopentracing-c-wrapper0 libpcre2-8-0 libssl3 libsystemd0
        haproxy -v >/dev/null
    }
}

# Marks a folder as made from exactly these files, so that a second run has nothing to do.
stamp() { sha256sum "$@" | sha256sum | cut -d ' ' -f 1; }
is_made_from() { [[ -f $1/.made-from && $(<"$1/.made-from") == "$2" ]]; }

install_python() {
    local from
    from="$(stamp tests/requirements.txt) $(python3 --version)"
    is_made_from "$VENV" "$from" && return
    say "making target/venv from tests/requirements.txt"
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    retry "$VENV/bin/pip" install --quiet --disable-pip-version-check --retries 5 --requirement tests/requirements.txt
    printf '%s' "$from" >"$VENV/.made-from"
}

# The packages of a folder's package-lock.json, in its node_modules.
install_node() {
    local from folder=$1
    from=$(stamp $folder/package.json $folder/package-lock.json)
    is_made_from $folder/node_modules "$from" && return
    say "installing the packages of $folder/package-lock.json"
    retry npm --prefix $folder ci --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null
    printf '%s' "$from" >$folder/node_modules/.made-from
}

mkdir -p target
install_tools
# Only what compares with it needs it: `tests/install.sh etcd`.
[[ ${1:-} != etcd ]] || have etcd || apt_unpack etcd-server usr/bin/etcd
install_python
install_node tests/node
install_node tests/sdk/javascript
