"""Structs made from others for the document: narrower where the models and the settings that are served say more."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, get_type_hints

import msgspec

Kind = type[msgspec.Struct]


def derived(base: Kind, name: str, doc: str, *, without: Container[str] = (), tag: str = "", **types: Any) -> Kind:
    """Return a Struct with the fields of another, some left out and some of another type.

    A type in a tuple makes its field required. With a `tag` the field `verb` holds that and nothing else, so that
    several can stand in a union.
    """
    hints = get_type_hints(base, include_extras=True)
    fields: list[Any] = []
    for field in msgspec.structs.fields(base):
        if field.name in without or (tag and field.name == "verb"):
            continue
        kind = types.get(field.name, hints[field.name])
        if isinstance(kind, tuple):
            fields.append((field.name, kind[0]))
        elif field.required:
            fields.append((field.name, kind))
        else:
            fields.append((field.name, kind, _default(field)))
    return msgspec.defstruct(
        name,
        fields,
        kw_only=True,
        tag_field="verb" if tag else None,
        tag=tag or None,
        forbid_unknown_fields=base.__struct_config__.forbid_unknown_fields,
        namespace={"__doc__": doc},
    )


def either(name: str, *members: Kind) -> Any:
    """Return a stand-in for a union of Structs that nothing in them tells apart, of which msgspec has none."""
    return members[0] if len(members) == 1 else type(name, (), {"members": members})


def hook(kind: Any) -> dict[str, Any]:
    """Return the schema of such a stand-in; its members must be described, too."""
    if members := getattr(kind, "members", ()):
        return {"anyOf": [{"$ref": REF.format(name=member.__name__)} for member in members]}
    raise NotImplementedError


REF = "#/components/schemas/{name}"


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return field.default
