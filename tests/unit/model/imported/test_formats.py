"""The format of a model's file, told from its first bytes and its name; what is none is refused with a way out."""

import pytest

from app.errors import Invalid
from app.model.imported.formats import Format, format_of

HEADS: dict[Format, list[bytes]] = {
    "skops": [b"PK\x03\x04\x14\x00"],
    "onnx": [b"\x08\x0a\x12\x08skl2onnx", b"\x08\x08:\x10"],
    "xgboost": [b'{"learner":{"attributes":{}}', b' {\n "learner": {', b"{L\0\0\0\0\0\0\0\x07learner{L"],
    "lightgbm": [b"tree\nversion=v4\nnum_class=1\n"],
}


@pytest.mark.parametrize(("expected", "head"), [(name, head) for name, heads in HEADS.items() for head in heads])
def test_a_format_is_told_from_the_first_bytes_alone(expected: Format, head: bytes) -> None:
    assert format_of(head) == expected
    assert format_of(head, "model.bin", expected) == expected


@pytest.mark.parametrize(
    ("head", "name", "advice"),
    [
        (b"\x80\x04\x95\x10\0\0\0", "model.skops", "skops.io.dump"),
        (b"\x80\x04\x95\x10\0\0\0", "model.pkl", "skl2onnx"),
        (b"ccopy_reg\n_reconstructor\n", "", "a pickle runs code"),
        (b"whatever", "model.joblib", "a pickle runs code"),
        (b"x\x9c\x03\x00", "model.bin", "joblib"),
        (b"\x1f\x8b\x08\x00", "model.json.gz", "unpack it"),
        (b"\x89HDF\r\n\x1a\n", "model.onnx", "tf2onnx"),
        (b"anything", "weights.pt", "torch.onnx.export"),
        (b"binf\0\0", "model.bin", "save_model('model.ubj')"),
        (b"CBM1\0", "", "format='onnx'"),
        (b"\x93NUMPY\x01", "", "no model"),
        (b"PAR1", "", "no model"),
        (b"<?xml version", "tree.pmml", "PMML"),
        (b"RDX3\n", "", "an R file"),
    ],
)
def test_other_files_are_refused_with_how_to_convert_them(head: bytes, name: str, advice: str) -> None:
    with pytest.raises(Invalid) as caught:
        format_of(head, name)
    assert advice in caught.value.detail
    assert caught.value.pointers == ["/file"]


def test_a_name_does_not_make_a_file_what_it_is_not() -> None:
    with pytest.raises(Invalid, match="does not begin as a file of onnx"):
        format_of(b"hello", "model.onnx")
    with pytest.raises(Invalid, match="its format is not known"):
        format_of(b"hello", "model.bin")


def test_a_format_that_is_asked_for_must_be_that_of_the_file() -> None:
    with pytest.raises(Invalid, match="not of onnx: it begins as one of lightgbm"):
        format_of(HEADS["lightgbm"][0], "", "onnx")
    with pytest.raises(Invalid, match="there are skops, onnx, xgboost, lightgbm") as caught:
        format_of(HEADS["lightgbm"][0], "", "pickle")
    assert caught.value.pointers == ["/format"]


def test_an_empty_file_is_refused_before_all_else() -> None:
    with pytest.raises(Invalid, match="empty"):
        format_of(b"", "model.onnx")
