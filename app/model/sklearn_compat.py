"""The interface that scikit-learn's tools expect of an estimator. scikit-learn is imported only when it calls."""

import sys
import warnings
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, ClassVar, Self

from app.schemas.tasks import Task


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


class BaseEstimator:
    """A regressor of one or more outputs, or a classifier. Parameters: those of `__init__`, which only stores them."""

    task: ClassVar[Task] = "regression"

    @classmethod
    def init_parameters(cls) -> list[Parameter]:
        """Return the parameters of `__init__`; none for that of object, which a model without parameters has."""
        named = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
        return [each for each in list(signature(cls.__init__).parameters.values())[1:] if each.kind in named]

    def get_params(self, *, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - part of scikit-learn's call
        """Return the parameters by name, as given to `__init__`; `deep` changes nothing."""
        return {each.name: getattr(self, each.name) for each in self.init_parameters()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; raise ValueError for an unknown one."""
        known = [each.name for each in self.init_parameters()]
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for {type(self).__name__}. Valid parameters are: {known!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def __sklearn_tags__(self) -> Any:
        utils = import_module("sklearn.utils")  # loaded already: only scikit-learn calls this
        regressor = self.task == "regression"
        return utils.Tags(
            estimator_type="regressor" if regressor else "classifier",
            target_tags=utils.TargetTags(required=True, multi_output=regressor),
            regressor_tags=utils.RegressorTags() if regressor else None,
            classifier_tags=None if regressor else utils.ClassifierTags(),
            input_tags=utils.InputTags(allow_nan=getattr(self, "takes_missing", False)),
        )


def warn_of_column() -> None:
    """Warn of a column where y (n,) is expected, as scikit-learn does; with its own class if it is loaded."""
    theirs = sys.modules.get("sklearn.exceptions")
    category = UserWarning if theirs is None else theirs.DataConversionWarning
    warnings.warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,).",
        category,
        stacklevel=5,
    )
