#!/usr/bin/env bash
# Trains and quantizes each RUN into build/omniglot/RUN, and passes over those that are there.
# Usage: examples/omniglot/train.sh RUN ...    a RUN is a file beside this one, or such a file's name and a seed: anil-32-seed1
set -euo pipefail
cd "$(dirname "$0")/../.."

for run in "$@"; do
    recipe=${run%-seed*}
    seed=0
    [ "$recipe" = "$run" ] || seed=${run##*-seed}
    project=(-p "examples/omniglot/$recipe.toml" --name "$run")
    folder=build/omniglot/$run
    if [ ! -e "$folder/trained/embedding.json" ]; then
        resume=()
        [ ! -e "$folder/trained/checkpoint.npz" ] || resume=(--resume)
        .venv/bin/kshot train "${project[@]}" --seed "$seed" "${resume[@]}"
    fi
    [ -e "$folder/int8/int8_embedding.json" ] || .venv/bin/kshot quantize "${project[@]}"
done
