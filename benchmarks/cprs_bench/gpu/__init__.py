"""Everything that is to be measured on a GPU, in one call: `scripts/gpu_check.sh`."""
