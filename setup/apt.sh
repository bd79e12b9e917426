#!/usr/bin/env bash
# Installs the Debian packages named on the command line.
# Exit status 1, and one message that names them, where that is impossible.
set -euo pipefail

refuse() {
    echo "kshot needs these Debian packages: $*" >&2
    echo "$reason; please install them: sudo apt-get install --no-install-recommends $*" >&2
    exit 1
}

command -v apt-get >/dev/null || { reason="This system has no apt-get (on another system the packages have like names)"; refuse "$@"; }
sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || { reason="This user is not root and has no passwordless sudo"; refuse "$@"; }
    sudo=(sudo)
fi
echo "Installing with apt: $*"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    reason="apt-get failed"
    refuse "$@"
fi
