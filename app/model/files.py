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
    """The name that its sender gave, '' if unknown; never a path."""
    media_type: str
    """Detected from the first bytes of the file, not taken from the request."""


class OutputFile(NamedTuple):
    """A file that a model gives back as a member of its result; callers download it."""

    name: str
    """The name under which callers save the file."""
    media_type: str
    content: bytes


class FileModel(Persistent, ABC):
    """Base of models whose input is a file. Parameters and learned attributes are like those of other models.

    The keyword-only parameters of `predict` are the options that a request may have beside the file; their types and
    defaults are checked before the call.
    """

    takes: ClassVar[Takes]
    """The type of its files."""
    media_types: ClassVar[Sequence[str]]
    """The media types that it accepts, such as image/png; other files are refused on arrival."""
    max_batch_files: ClassVar[int] = 1
    """How many files, from different requests, one call of `predict` may have."""
    metrics: ClassVar[Mapping[str, Better]] = {}
    """The metrics by which a gate compares versions: names of numbers that `score` returns, most important first, and
    which values are better. Without metrics there is no gate."""

    isolated: ClassVar[CallLimits | None] = None
    """Limits of each call of fit, predict and score. With them a call runs in a process of its own; if it ends that
    process, the file is at fault, as after a ValueError. None: calls run in the calling process."""
    preload: ClassVar[Sequence[str]] = ()
    """Loaded before isolated calls: modules, and functions to call without arguments, `module:function`."""

    @abstractmethod
    def fit(self, folder: Path | None) -> Self:
        """Learn from the files of a folder, None if the request had none. Raises ValueError for files that it refuses.

        The service unpacks the zip file of the request there, within bounds, and removes the folder after the call.
        """

    @abstractmethod
    def predict(self, files: Sequence[InputFile]) -> list[dict[str, Any]]:
        """Return a result for each file, in order: JSON values, and members that are an OutputFile.

        Raises ValueError for a file that it refuses; in a call with several files, further calls find the faulty ones.
        Options are keyword-only parameters with defaults, after `files`.
        """

    @abstractmethod
    def score(self, folder: Path) -> dict[str, float | None]:
        """Return metrics on the files of a folder, which the request sent as a zip file."""

    def fit_metrics(self) -> dict[str, float | None]:
        """Return numbers about the fit, which are part of its result and of the version."""
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
