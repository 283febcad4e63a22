"""What the proxy adds: latency, throughput, delay of streamed events, memory, work beside it.

    python -m cprs_bench.proxy
    python -m cprs_bench.proxy --litellm /path/to/venv/bin/litellm

The same upstream, the same requests and wrk (https://github.com/wg/wrk) for all: directly, through
cprs, and through LiteLLM's proxy where it is given. All share this machine's cores. The table is
Markdown, with the machine above it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cprs_bench.machine import describe

PATH = "/v1/chat/completions"
PARTS = ("passing", "beside", "memory")
SHORT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello. " * 20}]}
_LUA = """wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer sk-none"
wrk.body = [==[{body}]==]
"""
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: latencies in milliseconds, requests per second, and failed requests."""

    p50: float
    p99: float
    rate: float
    failed: int


def wrk(url: str, *, connections: int, seconds: float, script: Path) -> Load:
    """Load `url` and read wrk's report."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    said = subprocess.run(
        [*command, "-s", str(script), url + PATH], capture_output=True, text=True, check=True
    ).stdout
    found = {name: float(value) * _UNITS[unit] for name, value, unit in _LATENCY.findall(said)}
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    assert rate is not None, said
    missing = float("nan")
    return Load(found.get("50", missing), found.get("99", missing), float(rate[1]), failed)


def warm(url: str) -> None:
    """One request, however long the first may take."""
    headers = {"content-type": "application/json", "authorization": "Bearer sk-none"}
    request = urllib.request.Request(url + PATH, json.dumps(SHORT).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as reply:
        reply.read()


def event_delays(url: str, streams: int = 3) -> list[float]:
    """Milliseconds from the upstream's writing of an event to its arrival, event by event."""
    delays = []
    for _ in range(streams):
        request = urllib.request.Request(
            url + PATH,
            json.dumps({**SHORT, "stream": True}).encode(),
            {"content-type": "application/json", "authorization": "Bearer sk-none"},
        )
        with suppress(OSError), urllib.request.urlopen(request, timeout=60) as reply:
            for line in reply:
                now = time.monotonic_ns()
                if found := re.search(rb'"content": ?"(\d+) "', line):
                    delays.append((now - int(found[1])) / 1e6)
    return delays


@contextmanager
def running(command: Sequence[str], port: int, *, seconds: float = 120) -> Iterator[int]:
    """A server process, once it listens; yields its process id."""
    quiet = subprocess.DEVNULL
    # It would ask the internet for prices otherwise.
    local = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=local)
    try:
        until = time.monotonic() + seconds
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"did not start: {' '.join(command)}")
            time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def memory(pid: int) -> float:
    """Resident megabytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else float("nan")


def litellm_config(upstream: str, folder: Path) -> Path:
    """Its configuration for the same model and upstream."""
    path = folder / "litellm.yaml"
    path.write_text(
        "model_list:\n  - model_name: gpt-4o\n    litellm_params:\n      model: openai/gpt-4o\n"
        f"      api_base: {upstream}/v1\n      api_key: sk-none\n"
        "general_settings:\n  master_key: sk-none\n",
        encoding="utf-8",
    )
    return path


def passing(named: dict[str, str], script: Path, seconds: float) -> list[str]:
    """The table of latencies and throughput."""
    for url in named.values():
        warm(url)
    low = {n: wrk(u, connections=1, seconds=seconds, script=script) for n, u in named.items()}
    high = {n: wrk(u, connections=32, seconds=seconds, script=script) for n, u in named.items()}
    delays = {name: event_delays(url) or [float("nan")] for name, url in named.items()}
    direct, events = low["direct"], statistics.median(delays["direct"])
    rows = [
        "| | p50, ms | added | p99, ms | added | requests/s of 32 clients | failed | event, ms "
        "| added |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in named:
        one, many, delay = low[name], high[name], statistics.median(delays[name])
        rows.append(
            f"| {name} | {one.p50:.2f} | {one.p50 - direct.p50:+.2f} | {one.p99:.2f} | "
            f"{one.p99 - direct.p99:+.2f} | {many.rate:,.0f} | {one.failed + many.failed} | "
            f"{delay:.2f} | {delay - events:+.2f} |"
        )
    return rows


def beside(url: str, script: Path, seconds: float) -> list[str]:
    """Short requests while a long text is compressed."""
    long = {"model": "cprs/extract", "messages": [{"role": "user", "content": _novel()}]}
    body = json.dumps(long).encode()

    def compress() -> None:
        request = urllib.request.Request(
            url + PATH, body, {"content-type": "application/json", "x-cprs": "always"}
        )
        with urllib.request.urlopen(request, timeout=900) as reply:
            reply.read()

    alone = wrk(url, connections=1, seconds=seconds, script=script)
    thread = threading.Thread(target=compress)
    thread.start()
    time.sleep(1)
    loads = []
    while thread.is_alive():
        loads.append(wrk(url, connections=1, seconds=2, script=script))
    thread.join()
    busy = loads or [alone]
    return [
        "| short requests | p50, ms | worst p99, ms |",
        "|---|---|---|",
        f"| alone | {alone.p50:.2f} | {alone.p99:.2f} |",
        f"| while {len(body) / 1e6:.1f} MB are compressed ({2 * len(loads)} s) "
        f"| {statistics.median(load.p50 for load in busy):.2f} "
        f"| {max(load.p99 for load in busy):.2f} |",
    ]


def _novel() -> str:
    """About two million tokens of this Python's standard library, and a question."""
    import sysconfig

    found = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "".join(path.read_text("utf-8", "replace") for path in found)
    whole = (text * (8_000_000 // len(text) + 1))[:8_000_000]
    return f"{whole}\n\nHow does the random module choose a sample without replacement?"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--litellm", help="its command, of an environment of its own")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--requests", type=int, default=100_000, help="for the memory's sake")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not here: apt install wrk")
    write = sys.stdout.write
    for name, value in describe().items():
        write(f"- {name}: {value}\n")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        script = folder / "post.lua"
        script.write_text(_LUA.format(body=json.dumps(SHORT)), encoding="utf-8")
        ports = [free_port() for _ in range(3)]
        direct, ours, theirs = (f"http://127.0.0.1:{port}" for port in ports)
        stack.enter_context(
            running([sys.executable, "-m", "cprs_bench.echo", str(ports[0])], ports[0])
        )
        serve = [sys.executable, "-m", "cprs", "serve", "--upstream", direct]
        pid = stack.enter_context(running([*serve, "--port", str(ports[1])], ports[1]))
        named = {"direct": direct, "cprs": ours}
        if asked.litellm:
            config = litellm_config(direct, folder)
            command = [asked.litellm, "--config", str(config), "--port", str(ports[2])]
            stack.enter_context(running(command, ports[2]))
            named["LiteLLM"] = theirs
        if "passing" in asked.only:
            write("\n" + "\n".join(passing(named, script, asked.seconds)) + "\n")
            sys.stdout.flush()
        if "beside" in asked.only:
            write("\n" + "\n".join(beside(ours, script, asked.seconds)) + "\n")
            sys.stdout.flush()
        if "memory" in asked.only:
            write("\n" + soak(ours, pid, script, asked.requests) + "\n")


def soak(url: str, pid: int, script: Path, requests: int) -> str:
    """The proxy's memory while it answers `requests`."""
    warm(url)
    before = memory(pid)
    done, used = 0, []
    while done < requests:
        load = wrk(url, connections=16, seconds=10, script=script)
        done += round(load.rate * 10)
        used.append(memory(pid))
    shown = " ".join(f"{value:.0f}" for value in used)
    return f"memory: {before:.0f} MB before {done:,} requests, then {shown} MB"


class _Formatter(argparse.RawDescriptionHelpFormatter):
    pass


if __name__ == "__main__":
    main()
