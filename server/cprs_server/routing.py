"""From a model's name to where its requests go and what is known of it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cprs_server.config.settings import EXTRACT, Key, Route, Settings, Upstream
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Target
from cprs_server.prices import price_of
from cprs_server.windows import tokenizer_of, window_of

ALIAS = "cprs/"
"""What a model's name may begin with, to be told apart where models are listed."""

_REMEMBERED = 1024
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a request goes: `name` of the upstream, the `upstream` itself (None: the built-in
    one), the upstreams to try after it, the `route` that matched and the `target` model."""

    name: str
    upstream: Upstream | None
    fallbacks: tuple[tuple[str, Upstream], ...]
    route: Route
    target: Target


class Router:
    """Routes of one `Settings`. Without routes all goes to the one upstream there is, or to the
    built-in one where there is none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._routes = settings.routes or (_everything(settings),)
        self._known: dict[tuple[str, str | None, str | None], Routed] = {}

    def route(self, model: str, form: str | None = None, key: Key | None = None) -> Routed:
        """Where a request for `model` goes; "" for a request that names none.

        `form` as `wire.base.Form.name`; a path of no form has None. A `key` that is bound to an
        upstream goes nowhere else. "cprs/<model>" goes where <model> goes unless a route names
        it, and "cprs/extract" to the built-in upstream. Raises `ProxyError` (404, 400).
        """
        if len(model) > _LONGEST:
            raise ProxyError(
                400, f"the model's name is longer than {_LONGEST} characters", code="invalid_model"
            )
        bound = key.upstream if key else None
        asked = (model, form, bound)
        found = self._known.get(asked)
        if found is None:
            found = self._find(model, form, bound)
            # Clients choose the names, so what is remembered of them has a bound.
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[asked] = found
        return found

    def models(self) -> list[str]:
        """Names that are routed as they stand, and that of the built-in upstream."""
        names = (name for route in self._routes for name in route.models if not _is_pattern(name))
        return list(dict.fromkeys([*names, ALIAS + EXTRACT]))

    def upstreams(self, key: Key | None = None) -> Iterator[tuple[str, Upstream]]:
        """The upstreams whose models a client with this key can ask for, in the routes' order."""
        bound = key.upstream if key else None
        names = [bound] if bound else [route.upstream for route in self._routes]
        for name in dict.fromkeys(names):
            if name in self._settings.upstreams:
                yield name, self._settings.upstreams[name]

    def _find(self, model: str, form: str | None, bound: str | None) -> Routed:
        if model == ALIAS + EXTRACT:
            return self._routed(Route(models=(model,), upstream=EXTRACT), model)
        routes: Iterable[Route] = self._routes
        if bound is not None:
            own = (route for route in self._routes if route.upstream == bound)
            routes = (*own, Route(models=("*",), upstream=bound))
        fitting = [r for r in routes if form is None or r.forms is None or form in r.forms]
        if not model:
            return self._unnamed(fitting, form)
        bare = model.removeprefix(ALIAS)
        for route in fitting:
            if _matches(model, (p for p in route.models if bare == model or p.startswith(ALIAS))):
                return self._routed(route, model)
        if bare and bare != model:
            return self._find(bare, form, bound)
        what = f"{form} requests for model" if form else "model"
        raise ProxyError(404, f"no route for {what} {model!r}", code="model_not_found")

    def _unnamed(self, fitting: list[Route], form: str | None) -> Routed:
        """A request without a model may go nowhere but where there is no choice: it carries a
        key, and a key is not for just any host."""
        for route in fitting:
            if "*" in route.models:
                return self._routed(route, "")
        names = {route.upstream for route in fitting} - {EXTRACT}
        if len(names) == 1:
            name = names.pop()
            return self._routed(Route(models=("*",), upstream=name), "")
        raise ProxyError(
            404,
            "the request names no model, and there are several upstreams; name one, or have a "
            'route with models: ["*"]',
            code="model_not_found",
        )

    def _routed(self, route: Route, model: str) -> Routed:
        upstreams = self._settings.upstreams
        name = route.rename.replace("{model}", model) if route.rename else model
        tokenizer = route.tokenizer or tokenizer_of(name)
        if route.upstream == EXTRACT:  # reads any length and costs nothing, whatever it is called
            target = Target(model=name, window=route.window, tokenizer=tokenizer)
            return Routed(EXTRACT, None, (), route, target)
        upstream = upstreams[route.upstream]
        price = price_of(name, self._settings.prices)
        return Routed(
            name=route.upstream,
            upstream=upstream,
            fallbacks=tuple((other, upstreams[other]) for other in upstream.fallbacks),
            route=route,
            target=Target(
                model=name,
                window=route.window or window_of(name, self._settings.windows),
                tokenizer=tokenizer,
                price=price.input if price else None,
                cached_price=price.cached if price else None,
            ),
        )


def _everything(settings: Settings) -> Route:
    return Route(models=("*",), upstream=next(iter(settings.upstreams), EXTRACT))


def _matches(model: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def _is_pattern(name: str) -> bool:
    return any(c in name for c in "*?[")
