"""Manifests of other releases: older ones lack members and newer ones have more, and neither is damaged."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.errors import Damaged
from app.storage.array_files import unpack_arrays
from app.storage.manifest import ARRAYS_FILE
from app.storage.model_store import Store
from tests.support.fakes import publish

WRITTEN_BEFORE = """{
 "model": "multivariate",
 "version": 1,
 "estimator": "app.model.multivariate.MultivariateRegressor",
 "params": {
  "fit_intercept": true
 },
 "schema": {
  "inputs": [
   "x"
  ],
  "outputs": [
   "y"
  ],
  "vector": true,
  "named": false,
  "named_inputs": false,
  "columns": [
   {
    "name": "x",
    "kind": "integer",
    "min": 0.0,
    "max": 2.0
   }
  ],
  "unused": []
 },
 "terms": [
  "1",
  "x"
 ],
 "metrics": {
  "r2": 1.0,
  "rmse": 9.678699938266253e-16,
  "mae": 9.62193288008469e-16,
  "n": 3
 },
 "data": {
  "origin": {
   "source": "request"
  },
  "rows": 3,
  "sha256": "058fb820f6cdc2da8f44ccea702ee65bead63d2d9531f6cc7005d4f3c801d81b"
 },
 "libraries": {
  "numpy": "2.4.6",
  "scipy": "1.17.1"
 },
 "created": "2023-11-14T22:13:20Z",
 "job": "0123456789abcdef0123456789abcdef",
 "learned": {
  "rank_": 2,
  "n_features_in_": 1
 },
 "arrays_sha256": "ab0ae074f830fa9c7eaf1cd8b2ea088ee37bf56c5ba9eff47a1c2c7968eabdf9",
 "sha256": "cd65416989a3d46ca523654ca3c9d3066a39d033ccdbff3b890b5042f9590c12"
}"""
"""As a release wrote it that did not know who asked for a fit."""
Change = Callable[[dict[str, Any]], object]


def rewrite(path: Path, change: Change) -> None:
    """Write a manifest as a release with other members writes it."""
    members = msgspec.json.decode(path.read_bytes())
    change(members)
    members["sha256"] = ""
    members["sha256"] = hashlib.sha256(msgspec.json.encode(members)).hexdigest()
    path.write_bytes(msgspec.json.format(msgspec.json.encode(members), indent=1))


def test_a_manifest_that_an_earlier_release_wrote(tmp_path: Path) -> None:
    """Is read, and its members that did not exist then have their defaults; a changed letter is noticed."""
    path = tmp_path / "models/multivariate/versions/1/manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(WRITTEN_BEFORE)
    manifest = Store(tmp_path).manifest("multivariate", 1)
    assert (manifest.params, manifest.by, manifest.schema.inputs) == ({"fit_intercept": True}, "", ["x"])
    path.write_text(WRITTEN_BEFORE.replace("9.62193288008469e-16", "9.62193288008468e-16"))
    with pytest.raises(Damaged):
        Store(tmp_path).manifest("multivariate", 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.pop("by"),
        lambda members: members.update(arrays_sha256=members.pop("files")[ARRAYS_FILE]),
        lambda members: [members["schema"].pop(each) for each in ("named", "named_inputs", "columns", "unused")],
        lambda members: members.update(taste="sweet", others={"a": [1, None]}),
        lambda members: members["schema"].update(classes=["a", "b"]),
        lambda members: members["data"].update(other=1.5),
    ],
    ids=["older", "older files", "older columns", "newer", "newer columns", "newer data"],
)
def test_other_members_do_not_make_it_damaged(tmp_path: Path, change: Change) -> None:
    """The version loads, arrays and all; but a member that was changed afterwards is noticed."""
    store = Store(tmp_path)
    publish(store, "job")
    path = tmp_path / "models/m/versions/1/manifest.json"
    rewrite(path, change)
    manifest, files = Store(tmp_path).load("m", 1)
    assert (manifest.learned, list(unpack_arrays(files[ARRAYS_FILE])["value_"])) == ({"mean_": 1.5}, [1.0])
    path.write_text(path.read_text().replace('"mean_": 1.5', '"mean_": 1.25'))
    with pytest.raises(Damaged):
        Store(tmp_path).load("m", 1)
