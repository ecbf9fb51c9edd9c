"""Converts the bytes of a CSV file from any text encoding to UTF-8."""

from __future__ import annotations

import codecs
from typing import TypeAlias

from app.errors import Invalid, Malformed

Bytes: TypeAlias = bytes | bytearray | memoryview

CHUNK_BYTES = 1_048_576
SAMPLE_BYTES = 65_536
MAX_NAME = 40  # characters of an encoding's name
_MARKS = (  # UTF-32 first: its mark in little-endian order begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AS_IT_IS = {"utf-8", "ascii", "utf-8-sig"}
_KNOWN = {  # names of `codecs.lookup`: text encodings, but none that executes or escapes anything
    *_AS_IT_IS,
    *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
    *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
    *(f"cp{page}" for page in (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869)),
    *(f"cp{page}" for page in (874, 932, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
    *("mac-roman", "mac-latin2", "mac-cyrillic", "mac-greek", "mac-turkish", "koi8-r", "koi8-u", "tis-620"),
    *("shift_jis", "euc_jp", "iso2022_jp", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_kr", "johab"),
}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of ZIP, as xlsx and ods are, and of xls
_UNUSED_IN_1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


def check_encoding_name(name: str) -> str:
    """Return Python's name of an encoding; raise Invalid for an unknown one."""
    try:
        found = codecs.lookup(name.strip()).name if 0 < len(name) <= MAX_NAME and name.isascii() else ""
    except (LookupError, ValueError):
        found = ""
    if found not in _KNOWN:
        raise Invalid.at("/encoding", f"the text encoding {name[:MAX_NAME]!r} is not known; send UTF-8")
    return found


def refuse_workbook(raw: Bytes) -> None:
    """Raise Malformed for a workbook or an archive, which people send because of the table in it."""
    if bytes(raw[:4]) in _WORKBOOKS:
        raise Malformed("this is an Excel workbook or a ZIP archive; save the table as CSV")


def as_utf8(raw: Bytes, encoding: str | None) -> Bytes:
    """Return the text in UTF-8 without a byte order mark; raise Malformed if it is not in the encoding.

    UTF-8 is not copied, and checked only where cells are read. Without another encoding a byte order mark decides.
    """
    marked = next(((mark, name) for mark, name in _MARKS if bytes(raw[: len(mark)]) == mark), None)
    if marked and (encoding or "utf-8") in _AS_IT_IS:  # programs declare UTF-8 for any content
        encoding = marked[1]
    if encoding is None or encoding in _AS_IT_IS:
        return memoryview(raw)[len(codecs.BOM_UTF8) :] if marked and marked[1] == "utf-8" else raw
    decoder = codecs.getincrementaldecoder(encoding)()
    text = bytearray()
    view = memoryview(raw)
    for start in range(0, len(raw), CHUNK_BYTES):
        try:
            part = decoder.decode(bytes(view[start : start + CHUNK_BYTES]), start + CHUNK_BYTES >= len(raw))
        except UnicodeError as error:  # UTF-16 without a byte order mark is no UnicodeDecodeError
            reason = error.reason if isinstance(error, UnicodeDecodeError) else error
            raise Malformed(f"the CSV is not {encoding}: {reason}") from None
        text += part.removeprefix("\ufeff" if start == 0 else "").encode("utf-8", "replace")
    return text


def not_utf8(raw: Bytes) -> Malformed:
    """Return the error for bytes that are not UTF-8, with the likely encoding."""
    sample = bytes(raw[:SAMPLE_BYTES])
    if sample.count(0) > len(sample) // 4:
        looks = "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    elif 0 in sample:
        return Malformed("the CSV holds bytes of zero: it is not text")
    else:
        odd = {byte for start in range(0, len(raw), CHUNK_BYTES) for byte in set(raw[start : start + CHUNK_BYTES])}
        looks = "" if odd & _UNUSED_IN_1252 else "windows-1252"
    if looks:
        return Malformed(f"the CSV is not UTF-8; it looks like {looks}: {_saying(looks)}")
    return Malformed(f"the CSV is not UTF-8: {_saying('NAME')}, such as windows-1250")


def _saying(encoding: str) -> str:
    return f"send UTF-8, or say encoding={encoding} (in the Content-Type: charset={encoding})"
