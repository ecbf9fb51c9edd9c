"""Versions whose labels are whole numbers beyond 2^53, as fits of old published them; those of today refuse them."""

from pathlib import Path
from uuid import uuid4

import numpy as np

from app.data.records import TableRecords
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Request
from app.schemas.tables import Table
from app.service import Service
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.manifest import ARRAYS_FILE
from app.storage.model_store import Store
from tests.support.models import NaiveBayes

GREAT = [-(2**53) - 1, 2**62 + 1]
"""Labels that float64 does not hold, and INT64 does."""
GREATER = [2**63, 2**64 - 1]
"""Labels beyond INT64."""
OLD, OLDER = 2, 4
"""The versions with GREAT and with GREATER, where they are published in this order into an empty store."""


def publish_great(folder: Path, labels: list[int]) -> int:
    """Publish a version of the model `bayes`, and return its number: x is 0 for the first label, 1 for the second."""
    store = Store(folder)
    limits = {"max_design_bytes": 2**24, "max_answer_bytes": 2**24, "max_loaded_bytes": 2**24}
    service = Service({"bayes": OwnEstimator(NaiveBayes)}, "bayes", store, {}, **limits)
    rows = TableRecords(Table(np.array([[0.0], [1.0]] * 3), np.array([0.0, 1.0] * 3), labels=[1, 2]))
    version, _ = service.run(service.check("fit", Request("bayes", data=rows)), uuid4().hex, 0.0)
    manifest, files = store.load("bayes", version)
    arrays = unpack_arrays(files[ARRAYS_FILE]) | {"classes_": np.array(labels)}
    manifest.classes, manifest.job = list(labels), uuid4().hex
    return store.publish(manifest, {ARRAYS_FILE: bytes(pack_arrays(arrays))}).version
