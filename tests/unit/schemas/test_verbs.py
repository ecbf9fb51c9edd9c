"""The table of verbs: whatever is derived from it is there for each verb."""

from typing import get_args

import msgspec
import pytest

from app.api_keys import SCOPES
from app.schemas import results
from app.schemas.bodies import FitBody, PredictBody
from app.schemas.verbs import CSV, JSON, VERBS, Verb
from app.settings import Settings


def test_every_verb_is_in_the_table() -> None:
    assert tuple(VERBS) == get_args(Verb)


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_named_exists(verb: Verb) -> None:
    """Its result, its scope, its settings; its examples are requests of that verb."""
    spec = VERBS[verb]
    assert all(issubclass(getattr(results, name), msgspec.Struct) for name in spec.results)
    assert spec.scope in SCOPES
    assert Settings().timeout_of(verb) == spec.timeout_s
    assert Settings().rate_limit_of(verb) is None
    body = msgspec.json.decode(spec.examples[JSON], type=FitBody if spec.publishes else PredictBody)
    assert body.data is not None
    assert spec.examples[CSV].startswith("x,y\n" if spec.needs_y else "x\n")
