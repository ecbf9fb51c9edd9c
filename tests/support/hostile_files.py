"""246 files that nobody should send, made by a seeded generator: bombs, lies, loops, foreign formats, and damage."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.support.forgery import rewritten, with_arrays, with_schema
from tests.support.hostile_parts import hostile_parts
from tests.support.model_files import (
    CODES,
    X,
    lightgbm_classifier,
    lightgbm_regressor,
    onnx_classifier,
    onnx_regressor,
    skops_classifier,
    skops_pipeline,
    skops_regressor,
    xgboost_classifier,
    xgboost_regressor,
)

COUNT = 246
GENUINE = (
    skops_pipeline,
    skops_regressor,
    onnx_classifier,
    onnx_regressor,
    xgboost_regressor,
    xgboost_classifier,
    lightgbm_classifier,
    lightgbm_regressor,
)


class HostileFile(NamedTuple):
    """`harmless` is a file that its damage may have left a model: one with another number, for example."""

    kind: str
    filename: str
    content: bytes
    harmless: bool = False


def hostile_files(seed: int = 7) -> list[HostileFile]:
    """The same files for the same seed."""
    dice = random.Random(seed)
    found = [
        *_foreign(dice),
        *_archives(),
        *_schemas(),
        *_forged_skops(),
        *_types(),
        *_forged_xgboost(),
        *_forged_lightgbm(),
        *_forged_onnx(),
        *(HostileFile(*part) for part in hostile_parts()),
        *_cut_off(dice),
    ]
    assert len(found) < COUNT, len(found)
    while len(found) < COUNT:
        found.append(_flipped(dice))
    return found


def _foreign(dice: random.Random) -> Iterator[HostileFile]:
    yield HostileFile("empty", "model.skops", b"")
    yield HostileFile("empty", "model.onnx", b"")
    for size in (1, 7, 100, 5_000, 300_000):
        yield HostileFile("random", "model.bin", dice.randbytes(size))
    for protocol, suffix in zip(range(6), ("skops", "onnx", "json", "txt", "ubj", "pkl"), strict=True):
        yield HostileFile("pickle", f"model.{suffix}", pickle.dumps({"a": [1, 2]}, protocol))
    packed = zlib.compress(pickle.dumps([1, 2]))
    for suffix in ("joblib", "skops"):
        yield HostileFile("joblib", f"model.{suffix}", packed)
    yield HostileFile("hdf5", "model.h5", b"\x89HDF\r\n\x1a\n" + bytes(100))
    yield HostileFile("hdf5", "model.onnx", b"\x89HDF\r\n\x1a\n" + bytes(100))
    yield HostileFile("html", "model.json", b"<!doctype html><html></html>")
    yield HostileFile("json", "model.json", b'{"model": "learner"}')
    yield HostileFile("text", "model.txt", b"hello")
    array = io.BytesIO()
    np.save(array, X)
    yield HostileFile("npy", "model.npy", array.getvalue())
    yield HostileFile("torch", "model.pt", archive({"model/data.pkl": pickle.dumps(1)}))
    yield HostileFile("npz", "model.skops", archive({"a.npy": array.getvalue()}))
    yield HostileFile("keras", "model.keras", archive({"config.json": b"{}", "model.weights.h5": b""}))


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file, warnings.catch_warnings(action="ignore"):
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def patched(content: bytes, place: int, form: str, value: int) -> bytes:
    """The first entry of the directory with another value."""
    raw = bytearray(content)
    struct.pack_into(form, raw, raw.index(b"PK\x01\x02") + place, value)
    return bytes(raw)


def _archives() -> Iterator[HostileFile]:
    schema = skops_classifier().content
    for name in ("../../evil", "/etc/passwd", "a/../../../b", "..\\evil", "c:/x", "a//b", "./schema.json", "\x00"):
        entries = archive({"schema.json": b"{}", name.replace("\x00", "nul") or "x": b"1"})
        yield HostileFile("traversal", "model.skops", entries.replace(b"nul", b"n\x00l"))
    zeros = bytes(80 * 1000**2)
    yield HostileFile("bomb", "model.skops", archive({"schema.json": zeros}))
    yield HostileFile("bomb", "model.skops", patched(archive({"schema.json": b"{}", "1.npy": zeros}), 24, "<L", 2**31))
    yield HostileFile("bomb", "model.skops", patched(archive({"schema.json": b"{}"}), 24, "<L", 2**30 + 1))
    yield HostileFile("lie", "model.skops", patched(archive({"schema.json": zeros[:10_000]}), 24, "<L", 10))
    yield HostileFile("lie", "model.skops", patched(schema, 16, "<L", 1))
    yield HostileFile("zip64", "model.skops", patched(schema, 24, "<L", 0xFFFFFFFF))
    yield HostileFile("encrypted", "model.skops", patched(schema, 8, "<H", 1))
    yield HostileFile("offset", "model.skops", patched(schema, 42, "<L", 2**31))
    yield HostileFile("overlap", "model.skops", patched(schema, 42, "<L", 1))
    yield HostileFile("bzip2", "model.skops", archive({"schema.json": b"{}"}, zipfile.ZIP_BZIP2))
    yield HostileFile("lzma", "model.skops", archive({"schema.json": b"{}"}, zipfile.ZIP_LZMA))
    yield HostileFile("many", "model.skops", archive({f"{i}": b"" for i in range(50_001)}, zipfile.ZIP_STORED))
    yield HostileFile("prefix", "model.skops", b"PK\x03\x04" + schema)
    yield HostileFile("suffix", "model.skops", schema + b"more")
    yield HostileFile("no schema", "model.skops", archive({"other.json": b"{}"}))


def _schemas() -> Iterator[HostileFile]:
    genuine = skops_classifier().content

    def schema(raw: bytes) -> bytes:
        return rewritten(genuine, lambda name, old: raw if name == "schema.json" else old)

    for raw in (b"[" * 5_000_000, b'{"a":' * 100_000, b"[]", b"null", b"{", b"\xff\xfe", b"{}", b'{"__class__": 3}'):
        yield HostileFile("schema", "model.skops", schema(raw))

    def doubled(level: int) -> dict[str, Any]:
        node: dict[str, Any] = {
            "__class__": "list",
            "__module__": "builtins",
            "__loader__": "ListNode",
            "__id__": level,
        }
        inner = {**node, "__id__": level - 1, "content": []}
        return {**node, "content": [doubled(level - 1), inner] if level > 1 else []}

    root = {**doubled(45), "protocol": 2, "_skops_version": "0.16.0"}
    yield HostileFile("references", "model.skops", schema(json.dumps(root).encode()))
    for loader in ("MethodNode", "OperatorFuncNode", "PartialNode", "CachedNode", "NoSuchNode", "SparseMatrixNode"):
        node = {
            "__class__": "system",
            "__module__": "os",
            "__loader__": loader,
            "content": {},
            "attrs": {},
            "type": "scipy",
        }
        yield HostileFile("node", "model.skops", schema(json.dumps({**node, "protocol": 2}).encode()))
    for module, name in (("os", "system"), ("builtins", "print"), ("subprocess", "Popen"), ("numpy", "load")):
        node = {"__class__": name, "__module__": module, "__loader__": "FunctionNode", "protocol": 2}
        yield HostileFile("function", "model.skops", schema(json.dumps(node).encode()))

    def huge(name: str, raw: bytes) -> bytes:
        if not name.endswith(".npy"):
            return raw
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
        return header.getvalue()

    yield HostileFile("huge array", "model.skops", rewritten(genuine, huge))
    objects = io.BytesIO()
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    pickled = objects.getvalue()
    yield HostileFile(
        "pickled array", "model.skops", rewritten(genuine, lambda name, raw: pickled if name.endswith(".npy") else raw)
    )


def _set(field: str, place: Any, value: int) -> Callable[[Any], None]:
    def change(nodes: Any) -> None:
        nodes[field][place] = value

    return change


def _forged_skops() -> Iterator[HostileFile]:
    forest, boosting = skops_pipeline().content, skops_regressor().content
    for field, place, value in (
        ("left_child", 0, 0),
        ("right_child", 0, 0),
        ("right_child", 0, 10**6),
        ("left_child", 0, -9),
        ("right_child", slice(1, None), 1),
        ("feature", 0, 10**6),
        ("feature", 0, -1000),
        ("feature", slice(None), 2**40),
    ):
        yield HostileFile("tree", "model.skops", with_arrays(forest, _set(field, place, value), field))
    for field, place, value in (
        ("left", 0, 0),
        ("right", 0, 10**6),
        ("left", slice(None), 2**32 - 1),
        ("feature_idx", 0, 10**6),
        ("is_categorical", slice(None), 1),
        ("is_leaf", slice(None), 0),
    ):
        yield HostileFile("tree", "model.skops", with_arrays(boosting, _set(field, place, value), field))

    def width(schema: dict[str, Any]) -> None:
        schema["content"]["content"]["n_features_in_"]["content"] = "100000"

    yield HostileFile("width", "model.skops", with_schema(boosting, width))


def _types() -> Iterator[HostileFile]:
    import skops.io
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC, NuSVC

    words = ["red green", "green blue"] * 60
    reader = make_pipeline(CountVectorizer(), LogisticRegression()).fit(words, CODES > 0)
    reader[0].input = "filename"
    other = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(words, CODES > 0)
    other[0].input = "file"
    cached = make_pipeline(LogisticRegression(max_iter=500)).fit(X, CODES)
    cached.memory = "cache"
    for model in (
        SVC().fit(X, CODES),
        NuSVC(nu=0.1).fit(X, CODES),
        KNeighborsClassifier(algorithm="kd_tree").fit(X, CODES),
        KNeighborsClassifier(algorithm="ball_tree").fit(X, CODES),
        reader,
        other,
        cached,
        KMeans(2).fit(X),
        LogisticRegression(),
        {"a": 1},
        "text",
    ):
        yield HostileFile("type", "model.skops", skops.io.dumps(model))


def _forged_xgboost() -> Iterator[HostileFile]:
    raw = xgboost_regressor().content

    def forged(change: Callable[[Any], None]) -> bytes:
        model = json.loads(raw)
        change(model["learner"])
        return json.dumps(model).encode()

    def tree(learner: Any) -> Any:
        return learner["gradient_booster"]["model"]["trees"][0]

    changes: list[Callable[[Any], Any]] = [
        lambda learner: tree(learner)["left_children"].__setitem__(0, 0),
        lambda learner: tree(learner)["right_children"].__setitem__(0, 10**6),
        lambda learner: tree(learner)["split_indices"].__setitem__(0, 10**6),
        lambda learner: tree(learner)["split_indices"].__setitem__(0, -1),
        lambda learner: tree(learner).pop("left_children"),
        lambda learner: tree(learner)["left_children"].clear(),
        lambda learner: tree(learner)["tree_param"].__setitem__("num_nodes", "1000000000"),
        lambda learner: learner["learner_model_param"].__setitem__("num_feature", "0"),
        lambda learner: learner["learner_model_param"].__setitem__("num_feature", "99999999999"),
        lambda learner: learner["objective"].__setitem__("name", "no:such"),
        lambda learner: learner.pop("gradient_booster"),
        lambda learner: learner["gradient_booster"].__setitem__("name", "nothing"),
    ]
    for change in changes:
        yield HostileFile("xgboost", "model.json", forged(change))
    yield HostileFile("xgboost", "model.json", b'{"learner":' + b"[" * 1_000_000)
    yield HostileFile("xgboost", "model.json", b'{"learner":{}}')
    yield HostileFile("xgboost", "model.ubj", b"{L\0\0\0\0\0\0\0\x07learner" + b"[" * 200_000)
    yield HostileFile("xgboost", "model.ubj", b"{L\0\0\0\0\0\0\0\x07learner[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff")


def _forged_lightgbm() -> Iterator[HostileFile]:
    text = lightgbm_regressor().content.decode()

    def line(name: str, value: Callable[[str], str]) -> bytes:
        lines = text.split("\n")
        at = next(i for i, each in enumerate(lines) if each.startswith(f"{name}="))
        lines[at] = f"{name}={value(lines[at].partition('=')[2])}"
        return "\n".join(lines).encode()

    for name, value in (
        ("left_child", "0"),
        ("left_child", "99999999"),
        ("right_child", "-99999999"),
        ("split_feature", "99999"),
        ("split_feature", "-5"),
        ("threshold", "x"),
    ):
        yield HostileFile("lightgbm", "model.txt", line(name, lambda old, new=value: " ".join([new, *old.split()[1:]])))
    for name, value in (
        ("num_leaves", "1000000000"),
        ("num_leaves", "-1"),
        ("num_cat", "7"),
        ("is_linear", "1"),
        ("max_feature_idx", "1000000"),
        ("tree_sizes", "99999999 1 1 1 1 1"),
        ("leaf_value", "1"),
        ("decision_type", "1 1 1"),
    ):
        yield HostileFile("lightgbm", "model.txt", line(name, lambda _, new=value: new))
    yield HostileFile("lightgbm", "model.txt", b"tree\nversion=v4\n")
    yield HostileFile("lightgbm", "model.txt", b"tree\nversion=v4\nnum_class=1\nend of trees\n")
    yield HostileFile("lightgbm", "model.txt", b"tree\nversion=v4\n" + b"\xff" * 100)


def _forged_onnx() -> Iterator[HostileFile]:
    from onnx import TensorProto, helper

    def model(nodes: list[Any], initializers: list[Any] = [], domains: tuple[str, ...] = ("",)) -> bytes:  # noqa: B006
        table = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")]
        graph = helper.make_graph(nodes, "g", table[:1], table[1:], initializers)
        opsets = [helper.make_opsetid(domain, 1 if domain else 17) for domain in domains]
        content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
        return content

    add = helper.make_node("Add", ["x", "w"], ["y"])
    for location in ("/etc/passwd", "../../../etc/passwd", "weights.bin"):
        tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], [0.0, 0.0])
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        yield HostileFile("external", "model.onnx", model([add], [tensor]))
        value = helper.make_node("Constant", [], ["w"], value=tensor)
        yield HostileFile("external", "model.onnx", model([value, add]))
    for domain in ("com.evil", "com.microsoft", "ai.onnx.contrib"):
        node = helper.make_node("Anything", ["x"], ["y"], domain=domain)
        yield HostileFile("domain", "model.onnx", model([node], domains=("", domain)))
    yield HostileFile("no operator", "model.onnx", model([helper.make_node("NoSuchOperator", ["x"], ["y"])]))
    yield HostileFile("no input", "model.onnx", model([helper.make_node("Add", ["x", "nothing"], ["y"])]))
    short = helper.make_tensor("w", TensorProto.FLOAT, [2], [0.0, 0.0])
    short.dims[0] = 10**12
    yield HostileFile("huge tensor", "model.onnx", model([add], [short]))
    yield HostileFile("endless", "model.onnx", _endless_loop())
    yield HostileFile("huge length", "model.onnx", b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
    yield HostileFile("damaged", "model.onnx", b"\x08\x08\x12" + b"\xff" * 1000)


def _endless_loop() -> bytes:
    from onnx import TensorProto, helper

    def value(name: str, kind: int, shape: list[Any]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"]), helper.make_node("Identity", ["s"], ["t"])],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("go", TensorProto.BOOL, []),
            value("s", TensorProto.FLOAT, [None, 2]),
        ],
        [value("still", TensorProto.BOOL, []), value("t", TensorProto.FLOAT, [None, 2])],
    )
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    loop = helper.make_node("Loop", ["", "always", "x"], ["y"], body=body)
    table = [value(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")]
    graph = helper.make_graph([loop], "g", table[:1], table[1:], [always])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def _cut_off(dice: random.Random) -> Iterator[HostileFile]:
    for make in GENUINE:
        name, content, *_ = make()
        for share in (0.02, dice.uniform(0.1, 0.4), dice.uniform(0.5, 0.9)):
            yield HostileFile("cut off", name, content[: int(len(content) * share)])


def _flipped(dice: random.Random) -> HostileFile:
    name, content, *_ = dice.choice(GENUINE)()
    raw = bytearray(content)
    for _ in range(dice.choice((1, 4, 40))):
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    return HostileFile("flipped", name, bytes(raw), harmless=True)
