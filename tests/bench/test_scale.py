from __future__ import annotations

from cprs_bench.scale import Row, growth, table


def row(tokens: int, *, seconds: float, effort: str = "thorough") -> Row:
    return Row(tokens, 0.1, seconds - 0.2, 0.1, 1.0, tokens / 1e6, effort)


def test_a_token_of_the_longest_text_is_compared_with_one_of_the_shortest() -> None:
    rows = [row(2_000_000, seconds=220), row(64_000, seconds=6.4), row(512_000, seconds=51)]
    assert growth(rows) == (
        "A token of 2,000,000 costs 1.10x one of 64,000; peak memory at 2,000,000: 2.00 GB."
    )


def test_unlike_efforts_are_named() -> None:
    rows = [row(64_000, seconds=6.4), row(2_000_000, seconds=40, effort="fast")]
    assert "0.20x one of 64,000 (fast against thorough);" in growth(rows)


def test_the_table_has_a_line_per_length() -> None:
    lines = table([row(64_000, seconds=6.4), row(128_000, seconds=12.8)]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "| 64,000 | thorough | 0.1 | 6.2 | 0.10 | 10,000 | 100.0 |" in lines[2]
