"""The names of result files in Content-Disposition: RFC 6266 with RFC 8187, whatever the name holds."""

import re
from urllib.parse import unquote

import pytest

from app.schemas.file_names import file_name
from app.serve.resources.result_files import disposition

# RFC 9110 §5.6.4 and RFC 8187 §3.2.1
FORM = re.compile(
    r'attachment; filename="(?P<plain>[\x20-\x21\x23-\x5b\x5d-\x7e]+)"'
    r"(?:; filename\*=UTF-8''(?P<extended>(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+))?"
)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("report 1.pdf", "report 1.pdf"),
        ('a "b" c%41;.txt', "a _b_ c_41_.txt"),
        ("caf\xe9.txt", "caf_.txt"),
        ("\u5199\u771f\U0001f600.png", "___.png"),
        ("it's 100% \u20ac.txt", "it_s 100_ _.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x_1.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("NUL.txt", "_NUL.txt"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
        ("\U0001f600" * 300 + ".png", "_" * 62 + ".png"),
    ],
)
def test_a_name_is_sent_in_ascii_and_whole_beside_it(name: str, plain: str) -> None:
    name_kept = file_name(name)
    found = FORM.fullmatch(disposition(name_kept))
    assert found is not None
    assert found["plain"] == plain
    if found["extended"] is None:
        assert plain == name_kept
    else:
        assert unquote(found["extended"], errors="strict") == name_kept
