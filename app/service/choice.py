"""Which columns of a request's data are read: chosen by the request of a fit, or by the version that is used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from app.errors import Invalid
from app.model.dataframes import default_names
from app.schemas.columns import Column, Kind
from app.schemas.requests import Source
from app.schemas.tables import Selection
from app.schemas.tasks import LabelKind
from app.schemas.wording import counted
from app.storage.manifest import Schema

SHOWN_CHARACTERS = 500


class FitChoice(NamedTuple):
    """All columns except the outputs, the weight and the ignored ones; or the named inputs."""

    kinds: frozenset[Kind]
    takes_missing: bool
    target: Sequence[str] = ()
    inputs: Sequence[str] | None = None
    ignore: Sequence[str] = ()
    weight: str | None = None
    check_indicators: Callable[[Sequence[int]], None] | None = None
    """See Selection; called for the number of inputs, before any cell is read."""
    labels: LabelKind | None = None
    any_texts: bool = False
    texts: Collection[str] = ()
    """The names of columns that are texts, whatever their cells look like."""

    def select(self, names: list[str] | None, width: int, pointer: str, *, has_y: bool) -> Selection:  # noqa: ARG002  see Choice
        """Return the selection from columns with these names, or x1, x2 …; raise Invalid."""
        named = default_names("x", width) if names is None else names
        positions = {name: position for position, name in enumerate(named)}
        outputs = _positions("target", self.target, positions)
        weight = None if self.weight is None else _position("/weight", self.weight, positions)
        ignored = _positions("ignore", self.ignore, positions)
        taken = {*outputs, *ignored, *([] if weight is None else [weight])}
        if self.inputs is None:
            chosen = [position for position in range(width) if position not in taken]
        else:
            chosen = _positions("inputs", self.inputs, positions)
            for i, position in enumerate(chosen):
                if position in taken:
                    raise Invalid.at(f"/inputs/{i}", f"column {named[position]!r} cannot be an input too")
        if not chosen:
            raise Invalid.at("/data/X", "no column is left as an input; at least one must be")
        if self.check_indicators:
            self.check_indicators(range(len(chosen)))
        return Selection(
            chosen,
            [Column(named[position], "text") if named[position] in self.texts else None for position in chosen],
            self.kinds,
            self.takes_missing,
            outputs,
            weight,
            check_indicators=self.check_indicators,
            any_texts=self.any_texts,
        )


class UseChoice:
    """The inputs of a version in the order of its fit, and its outputs if they are needed.

    Other columns of the fit's data are skipped; columns that the fit's data did not have are refused. Columns without
    names are the inputs, or all columns of the fit's data.
    """

    def __init__(  # noqa: PLR0913  each is a value of a request or a version
        self,
        schema: Schema,
        kinds: frozenset[Kind],
        *,
        takes_missing: bool,
        needs_y: bool = False,
        target: Sequence[str] = (),
        weight: str | None = None,
        keep: Sequence[str] = (),
        labels: LabelKind | None = None,
        any_texts: bool = False,
    ) -> None:
        """With `any_texts` columns of text may have texts that were not in the fit."""
        inputs, outputs, unused = _stripped(schema.inputs), _stripped(schema.outputs), _stripped(schema.unused)
        self._schema = schema = msgspec.structs.replace(schema, inputs=inputs, outputs=outputs, unused=unused)
        self._keep, self._target = _stripped(keep), _stripped(target)
        self._needs_y = needs_y
        self.labels = labels
        self._weight = None if weight is None else weight.strip()
        others = outputs if schema.named else []
        self._known = {*inputs, *others, *unused, *self._target, *self._keep}
        columns: list[Column | None] = list(schema.columns) or [None] * len(schema.inputs)
        if any_texts:
            columns = [column and msgspec.structs.replace(column, categories=None) for column in columns]
        self._all = Selection(list(range(len(columns))), columns, kinds, takes_missing, any_texts=any_texts)

    def select(self, names: list[str] | None, width: int, pointer: str, *, has_y: bool) -> Selection:
        """Return the selection from columns with these names; raise Invalid for missing and unknown ones."""
        schema = self._schema
        if names is None:
            if self._keep:
                raise Invalid.at("/keep/0", "the columns of the data have no names; none can be kept")
            if width == len(schema.inputs):
                return self._all
            names = default_names("x", width)
            if set(names) != {*schema.inputs, *schema.unused}:  # the default names of a fit to columns without names
                raise width_error("/data/X/0", width, schema)
        if names == schema.inputs and not (self._target or self._weight or self._keep):
            return self._all
        if has_y and self._target:
            raise Invalid.at("/target", "the outputs are given twice: as columns, and as y")
        positions = {name: position for position, name in enumerate(names)}
        weight = None if self._weight is None else _position("/weight", self._weight, positions)
        self._check_names(positions, pointer)
        return replace(
            self._all,
            inputs=[positions[name] for name in schema.inputs],
            outputs=[] if has_y or not self._needs_y else self._outputs(positions),
            weight=weight,
            kept=_positions("keep", self._keep, positions),
        )

    def _check_names(self, positions: Mapping[str, int], pointer: str) -> None:
        """Raise Invalid for missing inputs, and for columns that the fit's data did not have."""
        missing = _listed(name for name in self._schema.inputs if name not in positions)
        unknown = _listed(name for name in positions if name not in self._known and name != self._weight)
        if missing or unknown:
            parts = [f"missing {missing}"] * bool(missing) + [f"unknown {unknown}"] * bool(unknown)
            raise Invalid.at(pointer, "columns don't match those of the fit: " + "; ".join(parts))

    def _outputs(self, positions: Mapping[str, int]) -> list[int]:
        """Return the positions of the outputs, in the order of the fit; none if y comes separately."""
        schema = self._schema
        if self._target:
            found = _positions("target", self._target, positions)
            if schema.named and set(self._target) != set(schema.outputs):
                raise Invalid.at("/target", f"the model was fitted to {_listed(schema.outputs)}")
            if len(found) != len(schema.outputs):
                fitted = counted(len(schema.outputs), "output")
                raise Invalid.at("/target", f"{counted(len(found), 'target')}, the model has {fitted}")
            return [positions[name] for name in schema.outputs] if schema.named else found
        if schema.named and all(name in positions for name in schema.outputs):
            return [positions[name] for name in schema.outputs]
        return []


def width_error(pointer: str, width: int, schema: Schema) -> Invalid:
    """Return the error for columns without names whose number differs from the fit."""
    fitted = ", ".join(schema.inputs)[:SHOWN_CHARACTERS]
    return Invalid.at(
        pointer, f"X has {counted(width, 'column')}, the model was fitted on {len(schema.inputs)}: {fitted}"
    )


def check_width(width: int, schema: Schema, source: Source) -> None:
    """Raise Invalid if a source that declares its shape has too few columns for a version, or too many."""
    if not len(schema.inputs) <= width <= len(schema.inputs) + len(schema.unused):
        pointer = "/data/params/inputs" if "inputs" in source.params else "/data"
        raise width_error(pointer, width, schema)


def _positions(member: str, chosen: Sequence[str], positions: Mapping[str, int]) -> list[int]:
    """Return the positions of the columns that a member of the request names; raise Invalid."""
    step = "" if member == "target" else "/{}"
    found = [_position(f"/{member}{step.format(i)}", name, positions) for i, name in enumerate(chosen)]
    if len(set(found)) < len(found):
        raise Invalid.at(f"/{member}", "a column is named twice")
    return found


def _position(pointer: str, name: str, positions: Mapping[str, int]) -> int:
    position = positions.get(name.strip())
    if position is None:
        raise Invalid.at(pointer, f"no column {name[:64]!r}; there are {_listed(positions)}")
    return position


def _stripped(names: Iterable[str]) -> list[str]:
    """Return names without surrounding blanks, which versions of earlier releases may have."""
    return [name.strip() for name in names]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))[:SHOWN_CHARACTERS]
