#!/bin/sh
# A hybrid of random weights, trained on one GPU for minutes and measured beside BM25: under 9
# minutes in all. Needs what gpu_check.sh needs, and numpy, regex, tiktoken, pyyaml, safetensors and
# tree-sitter with its languages, whose wheels are small (scripts/gpu_train.sh --pack fetches them).
#
#   scripts/gpu_train.sh --pack DATA [FOLDER]   question sets and wheels into FOLDER, here
#   scripts/gpu_train.sh [FOLDER] [OPTIONS]     train on what was packed, there
#
# FOLDER is .carry/hybrid where none is named; git does not see it. Figures go into $OUT, or
# ./gpu-results.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder="$here/.carry/hybrid"
if [ "${1:-}" = --pack ]; then
    data=$2
    folder=${3:-$folder}
    mkdir -p "$folder/data/train" "$folder/data/dev" "$folder/data/haystack" "$folder/wheels"
    sets=$data
    [ -d "$data/critic" ] && sets=$data/critic
    # English alone, and without the largest: what is carried has a limit.
    for part in train dev; do
        for path in "$sets/$part"/*.jsonl*; do
            case "$path" in
            *_zh* | *_zht* | *_c3_* | */evidence_inference.*) ;;
            *) cp "$path" "$folder/data/$part/" ;;
            esac
        done
    done
    for path in "$data"/haystack/*_en.txt*; do cp "$path" "$folder/data/haystack/"; done
    languages="python javascript typescript java go c cpp rust html"
    # shellcheck disable=SC2086  # a word for each
    "${PYTHON:-python3}" -m pip download -q --no-deps --only-binary=:all: -d "$folder/wheels" \
        --python-version "${TARGET:-3.12}" --implementation cp \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
        --platform manylinux2014_x86_64 --platform manylinux_2_5_x86_64 \
        tree-sitter $(for one in $languages; do echo "tree-sitter-$one"; done)
    du -sh "$folder"
    exit 0
fi
if [ -d "${1:-}" ]; then
    folder=$1
    shift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -d "$folder/wheels" ]; then
    "${PYTHON:-python3}" -m pip install -q --no-index --no-deps --no-compile --target "$work/site" \
        "$folder"/wheels/*.whl
    PYTHONPATH="$work/site${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONPATH="$here:$here/kernels:$here/benchmarks${PYTHONPATH:+:$PYTHONPATH}"
export TOKENIZERS_PARALLELISM=true
timeout "${LIMIT:-530}" "${PYTHON:-python3}" -m cprs_bench.gpu_training --data "$folder/data" \
    --out "$work/run" --results "${OUT:-./gpu-results}" "$@"
