"""The model of documents: each is read in a process of its own, and what is wrong with one is said."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from app.model.files import InputFile, OutputFile
from app.model.progress import reporting
from examples.document_processing.model import Documents
from tests.support import made_documents as made

CORPUS = Path("examples/document_processing/corpus")


@pytest.fixture(scope="module")
def model() -> Documents:
    fitted = Documents().fit(CORPUS)
    return Documents.restore(fitted.get_params(), fitted.learned())


def input_file(path: Path) -> InputFile:
    return InputFile(path, path.name, "text/plain")


def test_the_corpus_that_it_ships_with_gives_most_of_its_known_key_terms(model: Documents) -> None:
    assert model.fit_metrics() == {"documents": 20, "terms": len(model.terms_)}
    score = model.score(CORPUS)
    assert score["documents"] == 20 and score["key_terms_found"] > 0.8


def test_a_fit_and_a_score_say_what_their_files_lack(tmp_path: Path, model: Documents) -> None:
    with pytest.raises(ValueError, match="needs a zip file of documents"):
        Documents().fit(None)
    with pytest.raises(ValueError, match="there are no documents"):
        Documents().fit(tmp_path)
    shutil.copy(CORPUS / "tide.md", tmp_path)
    with pytest.raises(ValueError, match=r"no keyterms\.json"):
        model.score(tmp_path)
    made.write_document(tmp_path, "keyterms.json", '{"other.md": ["tide"]}')
    with pytest.raises(ValueError, match="names none of the documents"):
        model.score(tmp_path)
    made.write_document(tmp_path, "broken.pdf", made.png())
    with pytest.raises(ValueError, match=r"broken\.pdf is a picture"):
        Documents().fit(tmp_path)


def test_a_document_gives_facts_and_a_new_document(tmp_path: Path, model: Documents) -> None:
    text = "The solar panels are on the roof. The inverter of the solar panels is new, and the roof is old."
    path = made.write_document(tmp_path, "my report.pdf", made.pdf(text, "Page two."))
    steps: list[tuple[object, ...]] = []
    with reporting(lambda *said: steps.append(said)):
        (result,) = model.predict([input_file(path)], format="json")
    new = result.pop("file")
    assert isinstance(new, OutputFile) and (new.name, new.media_type) == (
        "my report-processed.json",
        "application/json",
    )
    assert result["kind"] == "pdf" and result["language"] == "en" and result["pages"] == 2 and result["words"] == 22
    assert result["key_terms"][0]["term"] == "solar panels"
    assert {**result, "content": [{"text": text}, {"text": "Page two."}]} == msgspec.json.decode(new.content)
    assert steps == [(0, "page 1 of 2"), (0.35, "page 2 of 2"), (0.7, "counting words"), (0.9, "writing")]


@pytest.mark.parametrize(("form", "start"), [("markdown", b"# a.txt"), ("pdf", b"%PDF-")])
def test_the_new_document_is_of_the_format_asked_for(tmp_path: Path, model: Documents, form: str, start: bytes) -> None:
    (result,) = model.predict([input_file(made.write_document(tmp_path, "a.txt", "Жизнь"))], format=form)
    assert result["file"].content.startswith(start)


@pytest.mark.parametrize("name", made.REFUSED)
def test_bad_documents_are_refused_with_their_reason(tmp_path: Path, model: Documents, name: str) -> None:
    make, words = made.REFUSED[name]
    with pytest.raises(ValueError, match=f"^the document .*{re.escape(words)}"):
        model.predict([input_file(made.write_document(tmp_path, name, make()))])
