"""The route of a path, for metrics and logs: the number of routes is bounded, that of paths is not."""

from __future__ import annotations

from collections.abc import Iterable

UNMATCHED = "unmatched"


class RouteMatcher:
    """The paths of routes, such as /models/{name}."""

    def __init__(self, paths: Iterable[str], often: Iterable[str] = ()) -> None:
        """`often`: frequent paths, whose routes are cached."""
        self._plain: dict[str, str] = {}
        self._open: dict[int, list[list[str]]] = {}
        for path in paths:
            words = path.split("/")
            if "{" in path:
                self._open.setdefault(len(words), []).append(words)
            else:
                self._plain[path] = path
        self._plain |= {path: self.match(path) for path in often}

    def match(self, path: str) -> str:
        """Return the route of a path, UNMATCHED if no route matches."""
        return self._plain.get(path) or self._match_open(path)

    def _match_open(self, path: str) -> str:
        words = path[:1000].split("/")
        for route in self._open.get(len(words), []):
            if all(given == word or "{" in word for given, word in zip(words, route, strict=True)):
                return "/".join(route)
        return UNMATCHED
