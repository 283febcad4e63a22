"""A reliability plot as one SVG file: what was said against what was true, both on log scales.

Points on the diagonal mean what they say. Bars are 95 % intervals of the share (Wilson 1927), as
if passages were independent, so rather too narrow. A share of 0 lies on the plot's floor, hollow.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LEFT, _TOP, _SIDE = 74.0, 62.0, 460.0
_COLOURS = ("#0a58ca", "#c4500a", "#00805e", "#a8478a", "#8a6d00", "#5f5f5f")
_STYLE = """\
svg{--paper:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;font:13px system-ui,sans-serif}
@media(prefers-color-scheme:dark){svg{--paper:#14171c;--ink:#e6e9ed;--soft:#9aa4af;--line:#30363d}}
.paper{fill:var(--paper)}text{fill:var(--ink)}.soft{fill:var(--soft)}
.grid{stroke:var(--line)}.right{stroke:var(--soft);stroke-dasharray:5 4}
.curve{fill:none;stroke-width:2}.bar{stroke-width:1.5;opacity:.6}.zero{fill:var(--paper)}"""


@dataclass(frozen=True, slots=True)
class Point:
    """`passages` with a mean `probability`, of which a `share` was evidence."""

    probability: float
    share: float
    passages: int


@dataclass(frozen=True, slots=True)
class Curve:
    """What one critic says, by rising probability."""

    name: str
    points: tuple[Point, ...]


def reliability_svg(curves: Sequence[Curve], *, title: str) -> bytes:
    """The plot of `curves`, as UTF-8. It asks nobody for anything and follows the reader's light
    or dark colours."""
    shown = [p.probability for curve in curves for p in curve.points if p.probability > 0]
    shown += [p.share for curve in curves for p in curve.points if p.share > 0]
    axis = _Axis(max(-6, min(-2, math.floor(math.log10(min(shown, default=0.01))))))
    height = _TOP + _SIDE + 62 + 20 * len(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _SIDE + 26:g} {height:g}" '
        'role="img" aria-labelledby="title about">',
        f'<title id="title">{_escape(title)}</title>',
        '<desc id="about">Mean probability of passages against the share of them that is '
        "evidence, both on logarithmic scales.</desc>",
        f"<style>{_STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        f'<text x="{_LEFT:g}" y="28" font-size="17" font-weight="600">{_escape(title)}</text>',
        '<text class="soft" x="20" y="50">share of the passages that is evidence</text>',
        *axis.lines(),
    ]
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        parts += [f'<g stroke="{colour}" fill="{colour}">', *axis.curve(curve), "</g>"]
        y = _TOP + _SIDE + 62 + 20 * number
        parts.append(f'<rect x="{_LEFT:g}" y="{y - 9:g}" width="18" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + 26:g}" y="{y:g}">{_escape(curve.name)}</text>')
    return "\n".join([*parts, "</svg>\n"]).encode()


@dataclass(frozen=True, slots=True)
class _Axis:
    """From 10^floor to 1, the same both ways."""

    floor: int

    def lines(self) -> Iterator[str]:
        for power in range(self.floor, 1):
            at, label = 10.0**power, f"{10.0**power:.{max(0, -power)}f}"
            x, y = self.x(at), self.y(at)
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP:g}" y2="{_TOP + _SIDE:g}"/>'
            yield f'<line class="grid" x1="{_LEFT:g}" x2="{_LEFT + _SIDE:g}" y1="{y}" y2="{y}"/>'
            yield f'<text x="{x}" y="{_TOP + _SIDE + 18:g}" text-anchor="middle">{label}</text>'
            yield f'<text x="{_LEFT - 8:g}" y="{y + 4}" text-anchor="end">{label}</text>'
        low, high = 10.0**self.floor, 1.0
        yield (
            f'<line class="right" x1="{self.x(low)}" y1="{self.y(low)}" x2="{self.x(high)}" '
            f'y2="{self.y(high)}"/>'
        )
        yield (
            f'<text class="soft" x="{_LEFT + _SIDE / 2:g}" y="{_TOP + _SIDE + 38:g}" '
            'text-anchor="middle">mean probability</text>'
        )

    def curve(self, curve: Curve) -> Iterator[str]:
        places = [(self.x(p.probability), self.y(p.share), p) for p in curve.points]
        if len(places) > 1:
            path = " ".join(f"{x},{y}" for x, y, _ in places)
            yield f'<polyline class="curve" points="{path}"/>'
        for x, y, point in places:
            low, high = _interval(point)
            yield (f'<line class="bar" x1="{x}" x2="{x}" y1="{self.y(low)}" y2="{self.y(high)}"/>')
            hollow = ' class="zero"' if point.share <= 0 else ""
            yield (
                f'<circle cx="{x}" cy="{y}" r="4"{hollow}><title>{point.passages:,} passages, '
                f"mean probability {point.probability:.4g}, {point.share:.4g} evidence"
                "</title></circle>"
            )

    def x(self, value: float) -> float:
        return round(_LEFT + _SIDE * self._part(value), 1)

    def y(self, value: float) -> float:
        return round(_TOP + _SIDE * (1 - self._part(value)), 1)

    def _part(self, value: float) -> float:
        """0 at the floor and below, 1 at 1."""
        power = math.log10(value) if value > 0 else self.floor
        return 1 - min(max(power / self.floor, 0.0), 1.0)


def _interval(point: Point) -> tuple[float, float]:
    """Wilson's interval of a share, at 95 %."""
    z, n, p = 1.96, max(point.passages, 1), point.share
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _escape(text: str) -> str:
    """Text for XML: markup escaped, what XML forbids shown as a replacement character."""
    clean = "".join(c if c.isprintable() or c == " " else "\ufffd" for c in text)
    return html.escape(clean)
