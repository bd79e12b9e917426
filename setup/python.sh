#!/usr/bin/env bash
# Makes .venv from constraints.txt, or reuses it: a stamp remembers what it was made from.
# Usage: setup/python.sh EXTRAS        e.g. setup/python.sh demo,test,lint
set -euo pipefail
cd "$(dirname "$0")/.."
extras=$1

stamp=.venv/.kshot-setup
wanted="$extras $(cat pyproject.toml constraints.txt setup/python.sh | sha256sum | cut -d' ' -f1)"
if [ -f "$stamp" ] && grep -qxF "$wanted" "$stamp" && .venv/bin/python -c 'import kshot' 2>/dev/null; then
    exit 0
fi

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.11 python3.12 python3.13 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "kshot needs Python 3.11, 3.12 or 3.13 and found none; install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        setup/apt.sh "python$version-venv"
    fi
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

# The build without GPU libraries is half the download; it exists for Linux on x86-64 alone.
tensorflow=train
[ "$(uname -sm)" != "Linux x86_64" ] || tensorflow=train-cpu
echo "Installing the Python packages ($tensorflow,$extras); the first time this downloads about 500 MB"
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[$tensorflow${extras:+,$extras}]"
echo "$wanted" >"$stamp"
