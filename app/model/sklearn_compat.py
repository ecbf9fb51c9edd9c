"""Courtesies to scikit-learn, which is never imported here unless it is in the process already and asks."""

import sys
from importlib import import_module
from typing import Any


class NotFittedError(ValueError, AttributeError):
    """The model was asked before it was fitted. The same bases as scikit-learn's error of that name."""


def not_fitted(model: object) -> NotFittedError:
    """Make the error; where scikit-learn is loaded it is of its class too, the only one that its tools catch."""
    name = type(model).__name__
    text = f"This {name} instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator."
    theirs = sys.modules.get("sklearn.exceptions")
    if theirs is None:
        return NotFittedError(text)
    both: type[NotFittedError] = type("NotFittedError", (NotFittedError, theirs.NotFittedError), {})
    return both(text)


def tags() -> Any:
    """Describe a regressor with several outputs to scikit-learn, which alone calls this."""
    utils = import_module("sklearn.utils")
    return utils.Tags(
        estimator_type="regressor",
        target_tags=utils.TargetTags(required=True, multi_output=True),
        regressor_tags=utils.RegressorTags(),
        input_tags=utils.InputTags(),
    )
