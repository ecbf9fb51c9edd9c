"""The formats of fitted models, detected from a file's first bytes and its name before any library reads the file."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal, NamedTuple, NoReturn, TypeAlias, get_args

from app.errors import Invalid

Format: TypeAlias = Literal["skops", "onnx", "xgboost", "lightgbm"]
FORMATS: tuple[Format, ...] = get_args(Format)
HEAD_BYTES = 4096  # how many bytes of a file are examined
POINTER = "/file"
_BLANKS = b" \t\r\n"


class _Foreign(NamedTuple):
    """A format that is refused: the first bytes of its files, suffixes of their names, and how to convert one."""

    name: str
    starts: tuple[bytes, ...]
    suffixes: tuple[str, ...]
    advice: str


_SKLEARN_ADVICE = "in Python, load it and write it anew: skops.io.dump(model, 'model.skops')"
_TO_ONNX = "export it to ONNX"
_FOREIGN = (
    _Foreign(
        "a pickle",
        (
            b"\x80\x01",
            b"\x80\x02",
            b"\x80\x03",
            b"\x80\x04",
            b"\x80\x05",
            b"ccopy_reg\n",
            b"c__builtin__\n",
            b"(dp",
            b"(lp",
        ),
        (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".p", ".sav"),
        f"a pickle runs code when it is loaded, so none is accepted. {_SKLEARN_ADVICE}; or convert it to ONNX with "
        "skl2onnx.to_onnx; or write a booster by its save_model",
    ),
    _Foreign("an HDF5 file", (b"\x89HDF\r\n\x1a\n",), (".h5", ".hdf5", ".keras"), f"{_TO_ONNX} with tf2onnx"),
    _Foreign("a PyTorch file", (), (".pt", ".pth", ".ckpt", ".torchscript"), f"{_TO_ONNX}: torch.onnx.export"),
    _Foreign("a TensorFlow file", (), (".pb", ".tflite"), f"{_TO_ONNX} with tf2onnx"),
    _Foreign("a safetensors file", (), (".safetensors",), f"it holds weights without a model; {_TO_ONNX}"),
    _Foreign("a CatBoost file", (b"CBM1",), (".cbm",), f"{_TO_ONNX}: model.save_model('model.onnx', format='onnx')"),
    _Foreign("PMML", (b"<?xml", b"<PMML"), (".pmml", ".xml"), f"fit it with scikit-learn, or {_TO_ONNX}"),
    _Foreign("an R file", (b"RDX2\n", b"RDX3\n", b"X\n\x00\x00"), (".rds", ".rda", ".rdata"), f"{_TO_ONNX}"),
    _Foreign(
        "an old file of XGBoost", (b"binf", b"bs64"), (".deprecated",), "write it by booster.save_model('model.ubj')"
    ),
    _Foreign("an array of NumPy", (b"\x93NUMPY",), (".npy", ".npz"), "that is data and no model"),
    _Foreign("a Parquet file", (b"PAR1",), (".parquet",), "that is data and no model"),
    _Foreign(
        "a compressed file",
        (
            b"\x1f\x8b",
            b"BZh",
            b"\xfd7zXZ",
            b"\x5d\x00\x00",
            b"x\x01",
            b"x\x9c",
            b"x\xda",
            b"\x28\xb5\x2f\xfd",
            b"7z\xbc\xaf",
        ),
        (".gz", ".bz2", ".xz", ".lzma", ".zst", ".7z", ".tar", ".tgz"),
        f"unpack it; if it is a joblib file, {_SKLEARN_ADVICE}",
    ),
)
_ARCHIVE = b"PK\x03\x04"
_SUFFIXES: dict[str, Format] = {
    ".skops": "skops",
    ".onnx": "onnx",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".xgb": "xgboost",
    ".txt": "lightgbm",
    ".lgb": "lightgbm",
}


def format_of(head: bytes, name: str = "", asked: str | None = None) -> Format:
    """Return the format of a file by its first bytes, or by its name if they are ambiguous.

    Raise Invalid for a file that is empty, of a refused format, or of another format than `asked`.
    """
    if asked is not None and asked not in FORMATS:
        raise Invalid.at("/format", f"no format {asked[:64]!r}; there are {', '.join(FORMATS)}")
    if not head:
        raise Invalid.at(POINTER, "the file is empty")
    suffix = PurePath(name).suffix.lower()
    found = _by_content(head)
    if found is None:
        _refuse_foreign(head, suffix)
        found = _SUFFIXES.get(suffix)
        what = f"it does not begin as a file of {found or asked} does" if found or asked else "its format is not known"
        _refuse(f"{what}; a model is a file of {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if asked not in {None, found}:
        raise Invalid.at("/format", f"the file is not of {asked}: it begins as one of {found} does")
    return found


def _by_content(head: bytes) -> Format | None:
    """Return the format of the first bytes; None if they match none."""
    text = head.lstrip(_BLANKS)
    if head.startswith(_ARCHIVE):
        return "skops"  # its directory is checked later
    if text.startswith(b"{") and b'"learner"' in head:
        return "xgboost"
    if head.startswith(b"{") and b"learner" in head[:64]:  # UBJSON: a marker, a length, the name
        return "xgboost"
    if text.startswith(b"tree") and b"version=" in text[:64]:
        return "lightgbm"
    # ModelProto: ir_version is field 1, a small number; what follows is another field of the message
    if len(head) > 3 and head[0] == 0x08 and head[1] < 0x40 and head[2] in _ONNX_TAGS:  # noqa: PLR2004  protobuf
        return "onnx"
    return None


_ONNX_TAGS = frozenset({0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72})
"""The first bytes of the fields 2 to 8 and 14 of ModelProto (onnx.proto), of which one comes after the first."""


def _refuse_foreign(head: bytes, suffix: str) -> None:
    """Raise Invalid for a file of another tool, and say how to convert it."""
    for foreign in _FOREIGN:
        if head.startswith(foreign.starts) if foreign.starts else False:
            _refuse(f"this is {foreign.name}: {foreign.advice}")
    for foreign in _FOREIGN:
        if suffix in foreign.suffixes:
            _refuse(f"by its name this is {foreign.name}: {foreign.advice}")


def refuse_archive(names: frozenset[str]) -> NoReturn:
    """Raise Invalid for an archive that is not one of skops, by the names of its entries."""
    for wanted, foreign in (("data.pkl", "a PyTorch file"), ("model.weights.h5", "an HDF5 file")):
        if any(name.endswith(wanted) for name in names):
            advice = next(each.advice for each in _FOREIGN if each.name == foreign)
            _refuse(f"this is {foreign.replace('an HDF5', 'a Keras')}: {advice}")
    if any(name.endswith(".npy") for name in names):
        _refuse("this is an .npz file of NumPy, which is data and no model")
    _refuse("this archive is not one of skops: it has no schema.json; write the model by skops.io.dump")


def _refuse(detail: str) -> NoReturn:
    raise Invalid.at(POINTER, detail)
