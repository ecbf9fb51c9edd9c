"""FastAPI doing the work of one prediction: the same model, the same answer; a reference for Trinity."""

from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

from app.model.polynomial import PolynomialRegressor


class Data(BaseModel):
    X: list[list[float]]


class Body(BaseModel):
    data: Data
    model: str | None = None
    version: int | str | None = None


class Result(BaseModel):
    y: list[float]


class Envelope(BaseModel):
    id: str
    verb: str
    model: str
    version: int
    status: str
    result: Result
    error: dict[str, Any] | None
    created: datetime
    started: datetime
    finished: datetime
    links: dict[str, str]


app = FastAPI()


@cache
def estimator() -> PolynomialRegressor:
    fitted = PolynomialRegressor(degree=3)
    X = np.linspace(-1, 1, 100).reshape(-1, 1)
    fitted.fit(X, X[:, 0] ** 3 - X[:, 0])
    return fitted


@app.get("/ping")
async def ping() -> dict[str, str]:
    estimator()
    return {"ping": "pong"}


@app.post("/predict")
async def predict(body: Body) -> Envelope:
    """On the event loop, as Trinity does: a thread would cost more than the work."""
    started = datetime.now(UTC)
    y = estimator().predict_checked(np.array(body.data.X, dtype=np.float64))
    return Envelope(
        id=uuid4().hex,
        verb="predict",
        model=body.model or "polynomial",
        version=1,
        status="SUCCESS",
        result=Result(y=y.tolist()),
        error=None,
        created=started,
        started=started,
        finished=datetime.now(UTC),
        links={"model": "/models/polynomial/versions/1"},
    )
