"""The schema of a skops file: the types in it, and its bounds."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.errors import Invalid
from app.model.imported.skops_schema import types_named
from tests.support.forgery import rewritten, with_schema

X = np.random.default_rng(0).normal(size=(20, 2))
FILE = skops.io.dumps(make_pipeline(StandardScaler(), LinearRegression()).fit(X, X[:, 0]))


def types(tmp_path: Path, content: bytes) -> frozenset[str]:
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    return types_named(path)


def refusal(tmp_path: Path, change: Any) -> str:
    with pytest.raises(Invalid) as caught:
        types(tmp_path, with_schema(FILE, change))
    return caught.value.detail


def nested(depth: int) -> dict[str, Any]:
    inner: Any = []
    for _ in range(depth):
        inner = [inner]
    return {"content": inner}


def test_all_types_of_a_file_are_named(tmp_path: Path) -> None:
    found = types(tmp_path, FILE)
    assert "sklearn.linear_model._base.LinearRegression" in found
    assert "sklearn.preprocessing._data.StandardScaler" in found
    assert "numpy.ndarray" in found


def test_a_schema_is_nested_100_deep_at_most(tmp_path: Path) -> None:
    assert types(tmp_path, with_schema(FILE, lambda _: nested(97))) == frozenset()
    assert "more than 100 deep" in refusal(tmp_path, lambda _: nested(100))


def test_nesting_beyond_what_json_reads_is_refused(tmp_path: Path) -> None:
    content = rewritten(FILE, lambda name, raw: b"[" * 10**6 if name == "schema.json" else raw)
    with pytest.raises(Invalid, match=r"nested|read"):
        types(tmp_path, content)


def test_references_that_double_at_each_level_are_refused(tmp_path: Path) -> None:
    def doubled(level: int) -> dict[str, Any]:
        node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "__id__": level + 1}
        if level:
            node["content"] = [doubled(level - 1), {**node, "__id__": level, "content": []}]
        else:
            node["content"] = []
        return node

    assert "too often" in refusal(tmp_path, lambda _: doubled(45))
    assert types(tmp_path, with_schema(FILE, lambda _: doubled(5))) == {"builtins.list"}


@pytest.mark.parametrize(
    "schema", ["[]", "null", "{", "\xff", '{"__class__": 1, "__module__": "a"}', '{"__class__": "a"}']
)
def test_what_is_no_schema_is_refused(tmp_path: Path, schema: str) -> None:
    raw = schema.encode("latin-1")
    with pytest.raises(Invalid, match=r"schema\.json"):
        types(tmp_path, rewritten(FILE, lambda name, old: raw if name == "schema.json" else old))


def test_other_archives_are_refused_by_what_they_are(tmp_path: Path) -> None:
    for name, words in (
        ("model/data.pkl", "torch.onnx.export"),
        ("model.weights.h5", "Keras"),
        ("a.npy", "npz"),
        ("x", "skops.io.dump"),
    ):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, json.dumps({}))
        with pytest.raises(Invalid, match=words):
            types(tmp_path, buffer.getvalue())
