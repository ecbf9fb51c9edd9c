"""The different texts of a column, tested once each, and the rows that have them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FEW = 64  # up to so many, a loop in Python is faster than a call of Arrow, which matters for many columns
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Codes: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]


class DistinctTexts:
    """Texts in the order of their first rows."""

    def __init__(self, array: Any) -> None:
        """Take a chunked array of strings without nulls."""
        encoded = array.dictionary_encode()
        if encoded.num_chunks > 1:
            encoded = encoded.unify_dictionaries()
        chunks = encoded.chunks or [pa.array([], pa.string()).dictionary_encode()]
        self._array = chunks[0].dictionary
        self._listed: list[str] | None = self._array.to_pylist() if len(self._array) <= FEW else None
        self.codes: Codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks])
        """The position of each row's text among the texts."""

    def listed(self) -> list[str]:
        """Return the texts."""
        return self._array.to_pylist() if self._listed is None else list(self._listed)

    def matching(self, pattern: str) -> Mask:
        """Return which texts match a pattern completely; the pattern means the same in Python and RE2."""
        if self._listed is None:
            return _mask(pc.match_substring_regex(self._array, f"^({pattern})$"))
        match = re.compile(pattern, re.ASCII).fullmatch
        return np.array([match(text) is not None for text in self._listed], np.bool_)

    def among(self, texts: Collection[str]) -> Mask:
        """Return which texts are some of these."""
        if self._listed is None:
            return _mask(pc.is_in(self._array, value_set=pa.array(list(texts))))
        return np.array([text in texts for text in self._listed], np.bool_)

    def counts(self) -> Any:
        """Return how many rows have each text."""
        return np.bincount(self.codes, minlength=len(self._array))

    def row(self, position: int) -> int:
        """Return the first row with a text."""
        return int(np.argmax(self.codes == position))

    def __getitem__(self, position: int) -> str:
        """Return a text."""
        text: str = self._array[position].as_py()
        return text


def _mask(array: Any) -> Mask:
    return np.asarray(array.to_numpy(zero_copy_only=False), np.bool_)
