#!/usr/bin/env bash
# Makes .venv-pytorch, which holds PyTorch and easyfsl for `make bench-training` alone: several gigabytes on Linux.
set -euo pipefail
cd "$(dirname "$0")/.."
versions="torch==2.14.1 easyfsl==1.5.0"
stamp=.venv-pytorch/.kshot-setup
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$versions" ]; then
    exit 0
fi
echo "Making .venv-pytorch with $versions; this downloads several gigabytes"
.venv/bin/python -m venv --clear .venv-pytorch
export PIP_DISABLE_PIP_VERSION_CHECK=1
read -ra packages <<<"$versions"
.venv-pytorch/bin/python -m pip install --quiet "${packages[@]}"
echo "$versions" >"$stamp"
