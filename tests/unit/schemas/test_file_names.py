"""Names of files that others give: what is left of them can be shown, sent and saved."""

import pytest

from app.schemas.file_names import MAX_BYTES, file_name, name_to_save

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a b.png", "a b.png"),
        ("a/b/", "b"),
        ("..", ""),
        ("a/..", ""),
        (".", ""),
        ("/", ""),
        (" . ", ""),
        (".hidden", ".hidden"),
        ("a.png. . ", "a.png"),
        ("a\0b\r\nc\x1b[31m\x7f\x85.png", "abc[31m.png"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\u2066a\u2069\u200f\u200b\ufeff.png", "a.png"),
        ("one\u2028two\u2029.png", "onetwo.png"),
        ("caf\xe9 \u5199\u771f.png", "caf\xe9 \u5199\u771f.png"),
        (f"{FAMILY}.png", f"{FAMILY}.png"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",
        ),
        ("a\udcff.png", "a.png"),
        ('say "hi"; x=%22.png', 'say "hi"; x=%22.png'),
    ],
)
def test_a_name_is_the_last_part_of_a_path_without_what_nobody_sees(given: str, name: str) -> None:
    assert file_name(given) == name
    assert file_name(name) == name


@pytest.mark.parametrize("sign", ["x", "\xe9", "\u5199", "\U0001f600", FAMILY])
def test_a_long_name_is_cut_between_characters_and_keeps_its_suffix(sign: str) -> None:
    name = file_name(sign * 300 + ".jpeg")
    assert name.startswith(sign) and name.endswith(".jpeg")
    assert MAX_BYTES - 40 < len(name.encode()) <= MAX_BYTES
    assert file_name(name) == name
    assert len(file_name("a." + sign * 300).encode()) <= MAX_BYTES


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.png", "a.png"),
        ("", "file"),
        ("..", "file"),
        ("NUL", "_NUL"),
        ("con.txt", "_con.txt"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("LPT\xb9", "_LPT\xb9"),
        ("aux .txt", "_aux .txt"),
        ("console.txt", "console.txt"),
        ("COM10", "COM10"),
        ('a:b|c?d*e<f>"g".png', "a_b_c_d_e_f__g_.png"),
    ],
)
def test_a_name_to_save_is_one_on_windows_too(given: str, name: str) -> None:
    assert name_to_save(given) == name
    assert name_to_save(name) == name
