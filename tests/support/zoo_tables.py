"""The data of the estimators that the tests serve, and what these predict.

Run as a module it prints what each predicts when it is fitted directly, in this one process.
"""

import io
import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from tests.support import zoo

_RNG = np.random.default_rng(11)
_X = _RNG.normal(3, 1, (60, 4)).round(3)
_Y = (np.exp(_X[:, 0] / 4) + _X @ [1.0, 0.5, -0.2, 0.0] + 0.1 * _RNG.normal(size=60)).clip(0.1).round(4)
_CITIES = np.array(["Bern", "Rome", "Oslo", ""])
_PLACES = _RNG.integers(0, 4, 60)


def _csv(**columns: Any) -> str:
    return pd.DataFrame(columns).to_csv(index=False)


NUMBERS_CSV = _csv(**{f"x{i}": _X[:, i] for i in range(4)}, y=_Y)
OUTPUTS_CSV = _csv(**{f"x{i}": _X[:, i] for i in range(4)}, y=_Y, z=(_Y**2).round(4))
MIXED_CSV = _csv(
    city=_CITIES[_PLACES],
    area=np.where(_RNG.random(60) < 0.1, np.nan, (40 * _X[:, 1]).round(1)),
    rooms=_RNG.integers(1, 7, 60),
    new=_RNG.random(60) < 0.5,
    built=[f"{1950 + i}-0{1 + i % 9}-11" for i in range(60)],
    about=[f"flat number{i % 7} with view{i % 3} {_CITIES[_PLACES[i]]}".strip() for i in range(60)],
    y=_Y + _PLACES,
)
_LABELS = np.array(["low", "mid", "high"])[np.digitize(_Y, np.quantile(_Y, [0.3, 0.6]))]
_NUMBERS = pd.DataFrame({f"x{i}": _X[:, i] for i in range(4)})
LABELS_CSV = _NUMBERS.assign(y=_LABELS).to_csv(index=False)
DIGITS_CSV = _NUMBERS.assign(y=np.where(_LABELS == "low", 7, np.where(_LABELS == "mid", 3, 12))).to_csv(index=False)
TRUTHS_CSV = _NUMBERS.assign(y=_LABELS == "low").to_csv(index=False)
TEXTS_CSV = _csv(text=[f"word{i % 11} and other{i % 7} text{i}" for i in range(60)], y=_Y)
NEW_CITY = """city,area,rooms,new,built,about
Paris,,3,true,1999-01-01,nothing known
,70.5,2,false,2001-02-03,flat with view1
"""


NEW_NUMBERS = "x0,x1,x2,x3\n1,2.5,3,4\n3,3,3,3\n"
NEW_TEXTS = "text\nword3 and nothing\nother1\n"


def _labelled(text: str) -> str:
    """The same table with labels for its y."""
    return pd.read_csv(io.StringIO(text)).assign(y=_LABELS).to_csv(index=False)


def table_of(name: str) -> tuple[str, list[str], str]:
    """The data that an estimator is fitted to, its targets, and what it predicts for beside."""
    found = {
        **dict.fromkeys(zoo.NUMERIC, (NUMBERS_CSV, ["y"], NEW_NUMBERS)),
        **dict.fromkeys(zoo.SEVERAL, (OUTPUTS_CSV, ["y", "z"], NEW_NUMBERS)),
        **dict.fromkeys(zoo.MIXED, (MIXED_CSV, ["y"], NEW_CITY)),
        **dict.fromkeys(zoo.TEXTS, (TEXTS_CSV, ["y"], NEW_TEXTS)),
        **dict.fromkeys(zoo.CLASSES, (LABELS_CSV, ["y"], NEW_NUMBERS)),
        **dict.fromkeys(["logistic_numbers", "xgboost_classes"], (DIGITS_CSV, ["y"], NEW_NUMBERS)),
        "logistic_truths": (TRUTHS_CSV, ["y"], NEW_NUMBERS),
        **dict.fromkeys(zoo.MIXED_CLASSES, (_labelled(MIXED_CSV), ["y"], NEW_CITY)),
        **dict.fromkeys(zoo.TEXT_CLASSES, (_labelled(TEXTS_CSV), ["y"], NEW_TEXTS)),
    }
    return found[name]


def predictions(name: str) -> list[Any]:
    """What the estimator predicts for both tables, as in a notebook, with one thread.

    After that stand its probabilities for the first table, if it has any.
    """
    fitted_csv, targets, other_csv = table_of(name)
    dates = ["built"] if name in zoo.MIXED + zoo.MIXED_CLASSES else None
    frame, other = (pd.read_csv(io.StringIO(text), parse_dates=dates) for text in (fitted_csv, other_csv))
    y = np.ascontiguousarray(frame[targets].to_numpy()) if len(targets) > 1 else frame[targets[0]].to_numpy()
    rows, new = (_given(name, each) for each in (frame.drop(columns=targets), other))
    estimator = clone(getattr(zoo, name))
    estimator.set_params(**{key: 1 for key in estimator.get_params() if key.endswith("n_jobs")})
    classes, codes = np.unique(y, return_inverse=True)
    coded = name == "xgboost_classes"  # it takes no other labels
    estimator.fit(rows, codes if coded else y)
    # of a copy: some estimators know the very array that they were fitted to, and take a short way
    found = [np.asarray(estimator.predict(each)) for each in (rows.copy(), new)]
    if hasattr(estimator, "predict_proba"):
        found.append(estimator.predict_proba(rows.copy()).astype(np.float64))
    return [each.tolist() for each in ([classes[found[0]], classes[found[1]], found[2]] if coded else found)]


def _given(name: str, frame: pd.DataFrame) -> Any:
    if name in [*zoo.MIXED, *zoo.MIXED_CLASSES, "own_function"]:
        return frame
    return frame["text"] if name in zoo.TEXTS + zoo.TEXT_CLASSES else np.ascontiguousarray(frame.to_numpy(np.float64))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump({name: predictions(name) for name in sys.argv[1:] or zoo.ALL}, sys.stdout)
