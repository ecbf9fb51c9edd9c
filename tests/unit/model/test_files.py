"""Models whose input is a file: how they are found, what they may say, and what is kept of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.model.file_estimators import FileEstimator
from app.model.files import FileModel, InputFile
from app.service.discovery import find_models
from app.settings import SettingsError
from tests.support.file_models import PNG, Measurer

MODULE = "tests.support.file_models"


def test_classes_of_file_models_are_found_in_the_modules_of_models() -> None:
    found = find_models([MODULE])
    assert {name: (type(each), each.task) for name, each in found.items()} == {
        "measurer": (FileEstimator, "image"),
        "upper": (FileEstimator, "document"),
        "counted": (FileEstimator, "image"),
    }
    assert found["measurer"].description == "Says how large a picture is."


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("takes = 'picture'; media_types = ('image/png',)", "needs `takes`, one of image, document"),
        ("takes = 'image'", "needs `media_types`"),
    ],
)
def test_a_file_model_that_does_not_say_what_it_takes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    lines = [
        "from app.model.files import FileModel",
        "class Odd(FileModel):",
        "    name = 'odd'",
        f"    {source}",
        "    def fit(self, folder): return self",
        "    def predict(self, files): return []",
        "    def score(self, folder): return {}",
    ]
    module = f"odd_file_model_{abs(hash(source))}"
    (tmp_path / f"{module}.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match=words):
        find_models([module])


def test_options_are_the_keyword_only_parameters_of_predict() -> None:
    options = Measurer.options()
    assert options.__struct_fields__ == ("scale", "wait_s", "tags")
    assert msgspec.convert({"scale": "2.5"}, options, strict=False).scale == 2.5
    with pytest.raises(msgspec.ValidationError, match="Expected `float` > 0"):
        msgspec.convert({"scale": 0}, options)


def test_what_a_file_model_learned_comes_back_from_what_is_stored(tmp_path: Path) -> None:
    estimator, params = FileEstimator(Measurer), {"unit": 3}
    (tmp_path / "a.png").write_bytes(PNG)
    fitted = estimator.fit_files(params, tmp_path)
    restored = estimator.load(fitted.save())
    assert restored.instance.learned() == {"names_": ["a.png"]}
    file = InputFile(tmp_path / "a.png", "a.png", "image/png")
    assert restored.instance.predict([file])[0]["width"] == 96


def test_a_file_model_without_options_takes_none() -> None:
    class Plain(FileModel):
        name, takes, media_types = "plain", "document", ("text/plain",)

        def fit(self, folder: Path | None) -> Any:
            return self

        def predict(self, files: Any) -> Any:
            return [{} for _ in files]

        def score(self, folder: Path) -> Any:
            return {}

    assert not Plain.options().__struct_fields__
