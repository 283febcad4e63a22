"""The embedded critic's reasoning layers: what the prior got wrong, learnt.

Frozen base states of [instruction + query ; window], with what is known of every token, go
through a few new bidirectional layers to three heads. All of them start at zero, so that at step
0 the critic *is* the prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from torch import Tensor, arange, cat, float32, nn, ones_like, stack, zeros_like

from cprs.critics.layers import KIND_WEIGHT, ODDS_SCALE
from cprs.train.reason.attention import Layer, rotary

TAGS = "BIOE"
_NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Shape:
    """`states` d, the width of a base's state; k token `features`, f `passage_features`; `layers`
    of `width` w, with `heads` heads and `feed` hidden units."""

    states: int
    features: int
    passage_features: int
    width: int = 192
    layers: int = 2
    heads: int = 6
    feed: int = 768


@dataclass(frozen=True, slots=True)
class Inputs:
    """b windows of t tokens and u passages at most, b prompts of q tokens, L labels.

    `prompt` (b, q, d), `prompt_tokens` (b, q, k), `prompt_mask` (b, q) bool; `window` (b, t, d),
    `window_tokens` (b, t, k), `window_mask` (b, t); `owner` (b, t) int64, the passage of a token;
    `passages` (b, u, f), `odds` (b, u), the prior's; `labels` (b, L, d), what each means, and
    `labels_mask` (b, L). `kinds` (b, 1) bool: whether things of the labels' kinds are asked for.
    """

    prompt: Tensor
    prompt_tokens: Tensor
    prompt_mask: Tensor
    window: Tensor
    window_tokens: Tensor
    window_mask: Tensor
    owner: Tensor
    passages: Tensor
    odds: Tensor
    labels: Tensor
    labels_mask: Tensor
    kinds: Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """`correction` (b, u) to the prior's log-odds and `odds` (b, u), corrected; `token_odds`
    (b, t); logits `tags` (b, t, 4) over B I O E and `labels` (b, t, 1 + L), the first of
    "outside"; `probe` (b, u), log-odds by an early layer's probe, where there is one. All float32.
    """

    correction: Tensor
    odds: Tensor
    token_odds: Tensor
    tags: Tensor
    labels: Tensor
    probe: Tensor | None = None


class Reasoner(nn.Module):
    """Corrects the prior, token by token and passage by passage."""

    def __init__(self, shape: Shape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.enter = nn.Linear(shape.states, width, bias=False)
        self.segments = nn.Embedding(2, width)
        self.enter_tokens = nn.Linear(shape.features, width, bias=False)
        # One more than the features: the prior's log-odds are read as well as added.
        self.enter_passages = nn.Linear(shape.passage_features + 1, width, bias=False)
        for entry in (self.segments, self.enter_tokens, self.enter_passages):
            nn.init.normal_(entry.weight, std=0.02)
        self.layers = nn.ModuleList(
            Layer(width, shape.heads, shape.feed, dropout) for _ in range(shape.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.evidence = nn.Linear(width, 1)
        self.attention = nn.Linear(width, 1)
        self.tags = nn.Linear(width, len(TAGS))
        self.outside = nn.Linear(width, 1)
        self.labels = nn.Linear(width, shape.states)
        self.kinds = nn.Linear(shape.states, shape.states)
        heads = (self.evidence, self.attention, self.tags, self.outside, self.labels, self.kinds)
        for head in heads:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def heads(self, given: Inputs) -> Tensor:
        """What each token says (b, t, 7 + L), float32: evidence, attention, B, I, O, E, outside,
        and each label. All zeros at first."""
        window = self._read(given)
        # What a token is (a date, a name) stands in its state; the layers add what is asked.
        meant = self.labels(window) + self.kinds(given.window)
        meant = meant @ given.labels.to(window.dtype).transpose(1, 2)
        said = [head(window) for head in (self.evidence, self.attention, self.tags, self.outside)]
        return cat([*said, meant], dim=-1).to(float32)

    def forward(self, given: Inputs) -> Outputs:
        """Read b windows, each under its own prompt. Padding changes nothing but rounding."""
        said = self.heads(given)
        step, attention = said[..., 0], said[..., 1]
        correction = _pool(step, attention, given)
        token_odds = given.odds.gather(1, given.owner) + step
        return Outputs(
            correction=correction,
            odds=given.odds + correction + KIND_WEIGHT * given.kinds * _kind_odds(said, given),
            token_odds=token_odds,
            tags=said[..., 2:6] + _evenly(token_odds),
            labels=_label_logits(said[..., 6:], token_odds, given.labels_mask),
        )

    def _read(self, given: Inputs) -> Tensor:
        """The window's tokens (b, t, d) after all layers."""
        asked = given.prompt.shape[1]
        known = cat([given.passages, given.odds[..., None] / ODDS_SCALE], dim=-1)
        passages = self.enter_passages(known)
        index = given.owner[..., None].expand(-1, -1, self.shape.width)
        window = self.enter(given.window) + self.segments.weight[1] + passages.gather(1, index)
        prompt = self.enter(given.prompt) + self.segments.weight[0]
        x = cat(
            [
                prompt + self.enter_tokens(given.prompt_tokens),
                window + self.enter_tokens(given.window_tokens),
            ],
            dim=1,
        )
        visible = cat([given.prompt_mask, given.window_mask], dim=1)
        places = [arange(n, device=x.device) for n in (asked, given.window.shape[1])]
        turn = rotary(cat(places), self.shape.width // self.shape.heads)
        for layer in self.layers:
            x = layer(x, visible, turn)
        return self.norm(x[:, asked:])


def _pool(step: Tensor, attention: Tensor, given: Inputs) -> Tensor:
    """A mean (b, u) of each passage's tokens' values, weighted as the passage attends to them;
    evenly at first."""
    numbers = arange(given.odds.shape[1], device=step.device)
    member = (given.owner[:, None, :] == numbers[:, None]) & given.window_mask[:, None, :]
    weight = attention[:, None, :].expand(member.shape).masked_fill(~member, _NEVER).softmax(-1)
    return ((weight * member) * step[:, None, :]).sum(-1)


def _kind_odds(said: Tensor, given: Inputs) -> Tensor:
    """How far the token of each passage (b, u) that most looks like one of the labels does so
    rather than like none; 0 where there is no such passage or label."""
    named = said[..., 7:].masked_fill(~given.labels_mask[:, None, :], _NEVER).amax(-1)
    named = (named - said[..., 6]).masked_fill(~given.window_mask, _NEVER)
    best = named.new_full(given.odds.shape, _NEVER).scatter_reduce(1, given.owner, named, "amax")
    return best.where(best > _NEVER / 2, 0.0)


def _evenly(odds: Tensor) -> Tensor:
    """Logits (b, t, 4) under which B, I and E share the probability of being evidence, and O has
    the rest: softmax gives O 1 - σ(odds)."""
    inside = odds - log(len(TAGS) - 1)
    return stack([inside, inside, zeros_like(odds), inside], dim=-1)


def _label_logits(logits: Tensor, odds: Tensor, mask: Tensor) -> Tensor:
    """Labels share what is evidence, "outside" has the rest, and `logits` say otherwise."""
    count = mask.sum(1).clamp(min=1).to(float32)
    start = (odds - count.log()[:, None])[..., None].expand(-1, -1, mask.shape[1])
    first = cat([zeros_like(odds)[..., None], start], dim=-1)
    able = cat([ones_like(mask[:, :1]), mask], dim=1)
    return (logits + first).masked_fill(~able[:, None, :], _NEVER)
