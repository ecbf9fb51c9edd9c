"""The contract of a model whose input is a file, such as a picture or a document: predict takes files, not rows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeAlias, get_type_hints

import msgspec

from app.model.isolation.isolated_calls import CallLimits
from app.model.persistent import Persistent
from app.schemas.tasks import Better

Takes: TypeAlias = Literal["image", "document"]


class InputFile(NamedTuple):
    """A file that came with a request. It is removed when its job is no longer kept."""

    path: Path
    """In the store; for reading only."""
    name: str
    """As its sender calls it, '' if that is not known; never a path."""
    media_type: str
    """Found by the first bytes of the file, whatever its sender says."""


class OutputFile(NamedTuple):
    """A file that a model gives back as a member of its result; callers download it."""

    name: str
    """What the file is called where it is saved."""
    media_type: str
    content: bytes


class FileModel(Persistent, ABC):
    """Base of models whose input is a file. Its parameters and what it learns are as those of other models.

    The keyword-only parameters of `predict` are what a request may say beside the file; their types and defaults are
    checked before the call.
    """

    takes: ClassVar[Takes]
    """What its files are."""
    media_types: ClassVar[Sequence[str]]
    """The media types that it accepts, such as image/png; files of others are refused when they come in."""
    max_batch_files: ClassVar[int] = 1
    """How many files, of different requests, one call of `predict` may have."""
    metrics: ClassVar[Mapping[str, Better]] = {}
    """What a gate compares versions by: the names of numbers that `score` returns, the most important first, and which
    values are better. Without any there is no gate."""

    isolated: ClassVar[CallLimits | None] = None
    """What each call of fit, predict and score may take: it has a process of its own then, which files cannot take down
    with them. What ends it is their fault, as a ValueError is. None: all run where they are called."""
    preload: ClassVar[Sequence[str]] = ()
    """What isolated calls find loaded: modules, and functions to be called without arguments, `module:function`."""

    @abstractmethod
    def fit(self, folder: Path | None) -> Self:
        """Learn from the files of a folder, None where the request had none. Raises ValueError for what it refuses.

        The service unpacks the zip file of the request there, within bounds, and removes the folder after the call.
        """

    @abstractmethod
    def predict(self, files: Sequence[InputFile]) -> list[dict[str, Any]]:
        """Return a result for each file, in order: values that JSON has, and members that are an OutputFile.

        Raises ValueError for a file that it refuses; in a call with several, those at fault are found by other calls.
        Options are keyword-only parameters with defaults, after `files`.
        """

    @abstractmethod
    def score(self, folder: Path) -> dict[str, float | None]:
        """Return numbers that say how well it does on the files of a folder, which the request sent as a zip file."""

    def fit_metrics(self) -> dict[str, float | None]:
        """Return numbers about the fit, which stand in its result and with the version."""
        return {}

    @classmethod
    @cache
    def options(cls) -> type[msgspec.Struct]:
        """Return the options of `predict` as a Struct made from its signature: types, limits, defaults."""
        hints = get_type_hints(cls.predict, include_extras=True)
        fields: list[Any] = [
            (each.name, hints.get(each.name, Any), each.default)
            for each in signature(cls.predict).parameters.values()
            if each.kind is Parameter.KEYWORD_ONLY
        ]
        return msgspec.defstruct(f"{cls.__name__}Options", fields, forbid_unknown_fields=True, frozen=True)
