"""What scikit-learn's tools expect of an estimator. scikit-learn is imported only when it calls."""

import sys
from importlib import import_module
from typing import Any


class NotFittedError(ValueError, AttributeError):
    """The model was used before it was fitted. It has the same bases as scikit-learn's error of that name."""


def not_fitted(model: object) -> NotFittedError:
    """Return the error; if scikit-learn is loaded, it is also of scikit-learn's class, which its tools catch."""
    name = type(model).__name__
    text = f"This {name} instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator."
    theirs = sys.modules.get("sklearn.exceptions")
    if theirs is None:
        return NotFittedError(text)
    both: type[NotFittedError] = type("NotFittedError", (NotFittedError, theirs.NotFittedError), {})
    return both(text)


def tags() -> Any:
    """Return scikit-learn's tags of a regressor with several outputs; only scikit-learn calls this."""
    utils = import_module("sklearn.utils")
    return utils.Tags(
        estimator_type="regressor",
        target_tags=utils.TargetTags(required=True, multi_output=True),
        regressor_tags=utils.RegressorTags(),
        input_tags=utils.InputTags(),
    )
