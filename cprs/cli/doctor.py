"""`cprs doctor`: what is installed, what works, and how fast."""

from __future__ import annotations

import importlib
import json as jsonlib
import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Annotated, Any

import typer

from cprs._version import __version__
from cprs.cli.console import printable
from cprs.cli.exits import Exit
from cprs.cli.output import write_stdout
from cprs.critics import known_critics
from cprs.critics.weights import SHIPPED, load_weights
from cprs.engine.cores import cores
from cprs.errors import CprsError

DEFAULT = "embedded"
_DEVELOPMENT = ("dev", "docs")
_WORDS = [
    *("ship", "harbour", "storm", "ledger", "captain", "cargo"),
    *("signal", "lantern", "anchor", "map", "river", "bridge"),
]


@dataclass(frozen=True, slots=True)
class CriticCheck:
    """One critic's trial: tokens/s when it reads a text, and when it is asked about it again."""

    name: str
    works: bool
    detail: str
    tokens_per_second: float | None = None
    tokens_per_second_again: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that the doctor found. `packages`: what every use needs, by version or None."""

    cprs: str
    python: str
    system: str
    cores: int
    packages: dict[str, str | None]
    extras: dict[str, dict[str, str | None]]
    weights: str
    devices: dict[str, str]
    critics: tuple[CriticCheck, ...]

    @property
    def healthy(self) -> bool:
        """Whether the default critic works."""
        return any(check.works for check in self.critics if check.name == DEFAULT)


def doctor(
    json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Say what is installed, which critics work, and how fast.

    Ends with 0 when the default critic works, else with 5.
    """
    found = examine()
    if json:
        write_stdout((jsonlib.dumps({**asdict(found), "healthy": found.healthy}) + "\n").encode())
    else:
        write_stdout(("\n".join(_lines(found)) + "\n").encode("utf-8", "replace"))
    raise typer.Exit(Exit.OK if found.healthy else Exit.WEIGHTS)


def examine() -> Report:
    """Look at this installation, and try every critic on a small generated text."""
    base, extras = _requirements()
    return Report(
        cprs=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=cores(),
        packages=base,
        extras=extras,
        weights=_weights(),
        devices=_devices(),
        critics=tuple(_try(name) for name in known_critics()),
    )


def _requirements() -> tuple[dict[str, str | None], dict[str, dict[str, str | None]]]:
    """What the installed distribution says it needs: always, and for each extra."""
    base: dict[str, str | None] = {}
    extras: dict[str, dict[str, str | None]] = {}
    try:
        lines = metadata.requires("cprs") or []
    except metadata.PackageNotFoundError:  # run from a bare checkout
        lines = []
    for line in lines:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"""extra\s*==\s*['"](.+?)['"]""", line)
        if name is None or (extra and extra[1] in _DEVELOPMENT):
            continue
        group = extras.setdefault(extra[1], {}) if extra else base
        group[name[0]] = _version(name[0])
    return base, extras


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _weights() -> str:
    try:
        weights = load_weights()
    except CprsError as error:
        return str(error)
    size = sum(file.stat().st_size for file in SHIPPED.iterdir()) / 2**20
    return f"ok: {weights.base}, {weights.quantisation}, {size:.1f} MB in {SHIPPED}"


def _devices() -> dict[str, str]:
    devices = {"cpu": f"{cores()} cores"}
    if _version("torch") is None:
        devices["cuda"] = "no: torch is not installed"
        return devices
    try:
        torch: Any = importlib.import_module("torch")
        if torch.cuda.is_available():
            count = torch.cuda.device_count()
            devices["cuda"] = f"{count} x {torch.cuda.get_device_name(0)}"
        else:
            devices["cuda"] = f"no: torch {torch.__version__} sees no GPU"
    except Exception as error:  # noqa: BLE001  # a broken torch is a finding, not a failure
        devices["cuda"] = f"no: torch cannot be imported: {printable(str(error))}"
    for package in ("triton", "vllm"):
        devices[package] = _version(package) or "not installed"
    return devices


def _try(name: str) -> CriticCheck:
    from cprs import Compressor

    text = _sample(sentences=600)
    try:
        compressor = Compressor(name)
        compressor.compress(_sample(sentences=20), query="Which lantern?", budget=20)  # warm up
        first = compressor.compress(text, query="Where is the anchor?", budget=200)
        again = compressor.compress(text, query="Who keeps the ledger?", budget=200)
    except Exception as error:  # noqa: BLE001  # whatever is wrong is what the doctor reports
        return CriticCheck(name, works=False, detail=printable(str(error)))
    return CriticCheck(
        name,
        works=True,
        detail=first.critic,
        tokens_per_second=round(first.tokens_in / first.seconds),
        tokens_per_second_again=round(again.tokens_in / again.seconds),
    )


def _sample(*, sentences: int) -> str:
    """Sentences that all differ, so that nothing is cheaper than in real text."""

    def sentence(number: int) -> str:
        words = (_WORDS[(number // len(_WORDS) ** k + 5 * k) % len(_WORDS)] for k in range(6))
        return f"Entry {number}: the {' of the '.join(words)}."

    return " ".join(map(sentence, range(sentences)))


def _lines(found: Report) -> Iterator[str]:
    yield f"cprs {found.cprs}, Python {found.python}, {found.system}, {found.cores} cores"
    yield ""
    yield "packages"
    for name, version in found.packages.items():
        yield f"  {name:<24}{version or 'not installed'}"
    yield ""
    yield "extras"
    for extra, packages in found.extras.items():
        missing = [name for name, version in packages.items() if version is None]
        state = f"missing {', '.join(missing)}: pip install 'cprs[{extra}]'" if missing else "ok"
        yield f"  {extra:<24}{state}"
    yield ""
    yield f"weights  {found.weights}"
    yield ""
    yield "devices"
    for name, state in found.devices.items():
        yield f"  {name:<24}{state}"
    yield ""
    yield "critics"
    for check in found.critics:
        default = " (default)" if check.name == DEFAULT else ""
        if not check.works:
            yield f"  {check.name:<24}does not work{default}: {check.detail}"
            continue
        yield (
            f"  {check.name:<24}works{default}: {check.tokens_per_second:,.0f} tokens/s, "
            f"{check.tokens_per_second_again:,.0f} when asked again; {check.detail}"
        )
