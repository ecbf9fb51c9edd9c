"""What is visible of an HTML page, in pieces: without comments, scripts, styles and attributes of any length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

LOOKAHEAD = 128  # characters within which it is certain what a `<` begins; longer than the longest name
_OPENING = re.compile(
    r"<(?:(?P<comment>!--)|(?P<raw>(?i:script|style))\b|(?P<declaration>[!?]|/(?![a-zA-Z]))|(?=/?[a-zA-Z]))"
)
_NAME = re.compile(r"</?[a-zA-Z][^\s/>\0]{0,100}>?")
_ATTRIBUTE = re.compile(r">|=\s{0,99}(?P<quote>[\"']?)")
_CLOSING = re.compile(r"(?:^|[\s\"'])/$")
_ENDS = {
    "comment": (re.compile("-->"), 2),
    "script": (re.compile("</script", re.IGNORECASE), 7),
    "style": (re.compile("</style", re.IGNORECASE), 6),
    "declaration": (re.compile(">"), 0),
    '"': (re.compile('"'), 0),
    "'": (re.compile("'"), 0),
}
"""What ends an element, and how many characters of it the end of a piece may have."""


def visible(pieces: Iterator[str]) -> Iterator[str]:
    """Yield the visible text of a page with its tags, without their attributes.

    What is never closed extends to the end of the page (HTML Standard, 13.2.5).
    """
    page = _Page()
    for piece in pieces:
        yield page.take(piece)
    yield page.take("", is_last=True)


class _Page:
    """Holds the end of a piece that is incomplete without the next piece: at most LOOKAHEAD characters."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._is_last = False
        self._found: list[str] = []
        self._tag = ""
        self._within = ""
        self._step: Callable[[], bool] = self._content

    def take(self, piece: str, *, is_last: bool = False) -> str:
        """Return what is visible up to here."""
        self._text, self._at = self._text[self._at :] + piece, 0
        self._is_last = is_last
        self._found = []
        while self._step():
            pass
        return "".join(self._found)

    def _content(self) -> bool:
        """Pass text on up to the next element; return False when more of the page is needed."""
        opening = _OPENING.search(self._text, self._at)
        decided = len(self._text) if self._is_last else max(self._at, len(self._text) - LOOKAHEAD)
        if opening is None or opening.start() >= decided:
            undecided = self._text.find("<", decided)
            self._pass_on(len(self._text) if undecided < 0 else undecided)
            return False
        self._pass_on(opening.start())
        self._at = opening.end()
        if kind := opening.lastgroup:
            self._skip(opening["raw"].lower() if kind == "raw" else kind)
        elif name := _NAME.match(self._text, opening.start()):
            self._at = name.end()
            if name[0][-1] == ">":
                self._found.append(name[0])
            else:
                self._tag, self._step = name[0], self._attributes
        return True

    def _attributes(self) -> bool:
        """Pass over the attributes of a tag; a `>` within quotes does not end it."""
        found = _ATTRIBUTE.search(self._text, self._at)
        if found is None:
            self._at = max(self._at, len(self._text) - 2)  # a slash at the end, and what is before it
            return False
        if found[0] == ">":
            before = self._text[max(self._at, found.start() - 2) : found.start()]
            slash = "/" if self._tag[1] != "/" and _CLOSING.search(before) else ""
            self._found.append(f"{self._tag}{slash}>")
            self._at, self._step = found.end(), self._content
        elif found["quote"]:
            self._at = found.end()
            self._skip(found["quote"])
        elif found.end() == len(self._text) and not self._is_last:  # a quote may follow
            self._at = found.start()
            return False
        else:
            self._at = found.end()
        return True

    def _skip(self, kind: str) -> None:
        self._within, self._step = kind, self._skipping

    def _skipping(self) -> bool:
        """Pass over an element that is not seen, or a value in quotes."""
        end, kept = _ENDS[self._within]
        found = end.search(self._text, self._at)
        if found is None:
            self._at = max(self._at, len(self._text) - kept)
            return False
        self._at = found.end()
        if self._within in {"script", "style"}:
            self._within = "declaration"
        else:
            self._step = self._attributes if self._within in {'"', "'"} else self._content
        return True

    def _pass_on(self, stop: int) -> None:
        self._found.append(self._text[self._at : stop])
        self._at = stop
