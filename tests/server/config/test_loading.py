"""Settings from file, environment and command line, and what is said of wrong ones."""

from pathlib import Path
from textwrap import dedent

import pytest
from cprs_server.config.loading import ConfigError, load


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("cprs.yaml")


def problems(file: Path, text: str) -> tuple[str, ...]:
    file.write_text(dedent(text), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    return caught.value.problems


def test_file_environment_and_flags(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port: 1\nhost: a\nshadow: 0.5\nlimits: {queue: 3, deadline: 9}\n")
    monkeypatch.setenv("CPRS_SERVE_PORT", "2")
    monkeypatch.setenv("CPRS_SERVE_HOST", "b")
    monkeypatch.setenv("CPRS_SERVE_LIMITS__QUEUE", "4")
    settings = load(file, {"port": 3})
    assert (settings.port, settings.host, settings.shadow) == (3, "b", 0.5)
    assert (settings.limits.queue, settings.limits.deadline) == (4, 9)


def test_an_upstream_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPRS_SERVE_UPSTREAMS__OPENAI__URL", "https://a.example/v1")
    monkeypatch.setenv("CPRS_SERVE_UPSTREAMS__OPENAI__API_KEY", "sk-1")
    upstream = load().upstreams["openai"]
    assert upstream.url == "https://a.example/v1"
    assert upstream.api_key is not None
    assert upstream.api_key.get_secret_value() == "sk-1"


def test_variables_become_numbers(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P", "77")
    file.write_text("port: ${P}\nlog: {content: '${LOG:-true}'}\n")
    settings = load(file)
    assert (settings.port, settings.log.content) == (77, True)


def test_off_is_a_word(file: Path) -> None:
    file.write_text("policy: {mode: off}\nkeys: []\n")
    assert load(file).policy.mode == "off"


def test_every_problem_with_its_line(file: Path) -> None:
    found = problems(
        file,
        """\
        port: "88x"
        upstreams:
          openai:
            ulr: https://api.openai.com/v1
          b: {url: "http://b", auth: baerer, retries: 99}
        routes:
          - models: [5]
            upstream: openai
            policy: {ratoi: 4}
        limits: {body_bytes: many}
        store: 7
        """,
    )
    assert found == (
        "cprs.yaml:1: port: must be a whole number; got '88x'",
        "cprs.yaml:3: upstreams.openai.url: is missing",
        "cprs.yaml:4: upstreams.openai.ulr: unknown key; did you mean 'url'?",
        "cprs.yaml:5: upstreams.b.auth: must be one of bearer, x-api-key, none; got 'baerer'",
        "cprs.yaml:5: upstreams.b.retries: must be at most 10; got 99",
        "cprs.yaml:7: routes[0].models[0]: must be text (in quotes, if it looks like a number or a"
        " date); got 5",
        "cprs.yaml:9: routes[0].policy.ratoi: unknown key; did you mean 'ratio'?",
        "cprs.yaml:10: limits.body_bytes: must be a size, such as 64MiB; got 'many'",
        "cprs.yaml:11: store: must be keys and values; got 7",
    )


def test_an_unknown_key_with_no_near_one_lists_all(file: Path) -> None:
    (said,) = problems(file, "store: {zzz: 1}\n")
    assert said == "cprs.yaml:1: store.zzz: unknown key; known: ttl, bytes"


def test_what_does_not_fit_together_has_its_line(file: Path) -> None:
    (said,) = problems(file, "port: 1\nroutes:\n  - models: ['*']\n    upstream: opnai\n")
    assert said == "cprs.yaml:4: routes[0].upstream: no upstream is named 'opnai'; known: extract"


@pytest.mark.parametrize(
    "text",
    [
        "upstreams: {a: {url: 'http://a', api_key: [sk-secret]}}",
        "upstreams: {a: {url: 'http://a', headers: {host: sk-secret}}}",
        "keys: [{name: a, sha256: sk-secret}]",
        "port: ${SECRET}",
    ],
)
def test_secrets_are_not_repeated(file: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SECRET", "sk-secret")
    assert "sk-secret" not in "".join(problems(file, text))


def test_wrong_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPRS_SERVE_PORT", "x")
    with pytest.raises(ConfigError, match="environment: port: must be a whole number; got 'x'"):
        load()


@pytest.mark.parametrize("name", ["CPRS_SERVE_PROT", "CPRS_SERVE_LIMIT__QUEUE"])
def test_unknown_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigError, match=f"{name}: unknown environment variable"):
        load()


def test_environment_that_is_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPRS_SERVE_CORS", "https://a")
    with pytest.raises(ConfigError, match=r"environment: .*cors.*JSON"):
        load()


def test_no_file(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"^cprs\.yaml: no such file$"):
        load(file)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r": Is a directory$"):
        load(tmp_path)


def test_no_utf8(file: Path) -> None:
    file.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match=r"not UTF-8 \(byte 3\)"):
        load(file)


def test_an_unknown_critic(file: Path) -> None:
    routes = "routes:\n  - {models: ['*'], upstream: extract, critic: embeded}\n"
    (said,) = problems(file, routes)
    wrong = "cprs.yaml:2: routes[0].critic: unknown critic 'embeded'; known: embedded, lexical"
    assert said.startswith(wrong)
    file.write_text(routes.replace("embeded", "/on/another/machine"))
    load(file)


def test_no_yaml(file: Path) -> None:
    (said,) = problems(file, "port: 1\nlimits: [\n")
    assert said.startswith("cprs.yaml:3: not YAML: ")


def test_unset_variable_has_its_line(file: Path) -> None:
    (said,) = problems(file, "port: 1\nupstreams:\n  a: {url: '${NOT_SET_ANYWHERE}'}\n")
    assert said.startswith(
        "cprs.yaml:3: upstreams.a.url: the environment variable NOT_SET_ANYWHERE is not set"
    )
