#!/bin/sh
# Everything that is to be measured on a GPU, in one call of under 9 minutes, with nothing installed
# but Python 3.10+, torch, Triton, transformers and tokenizers.
#
#   scripts/gpu_check.sh                      all of it, into $OUT, or ./gpu-results
#   scripts/gpu_check.sh --parts ceiling      parts of it; --help names them
#   scripts/gpu_check.sh --tiny               a rehearsal, on any machine
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$here:$here/kernels:$here/benchmarks${PYTHONPATH:+:$PYTHONPATH}"
export TOKENIZERS_PARALLELISM=true
exec "${PYTHON:-python3}" -m cprs_bench.gpu "$@"
