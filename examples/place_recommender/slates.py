"""What the routes read and write: users, tasks, the places that were shown for them, and what was selected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from zlib import crc32

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType
from scipy.special import softmax
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from app.data.database import write_rows
from app.errors import Invalid, NotFound
from examples.place_recommender.candidates import FEATURES, FIELDS, MIN_KM
from examples.place_recommender.database import TABLES, Inference, Location, Selection, Shown, User, database, engine
from examples.place_recommender.sources import Affinity, Categories, Latitude, Longitude, Radius

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Start(Struct, forbid_unknown_fields=True):
    """Who asks: a known `user`, or where somebody is and what he likes; what is given wins over what is known."""

    user: Id | UnsetType | None = UNSET
    latitude: Latitude | UnsetType = UNSET
    longitude: Longitude | UnsetType = UNSET
    affinity: Affinity | UnsetType = UNSET
    categories: Categories | UnsetType = UNSET
    radius_km: Radius | UnsetType = UNSET


class Place(Struct):
    """A place of a slate; `position` counts from 0."""

    position: int
    id: int
    name: str
    category: str
    rating: float
    price: int
    latitude: float
    longitude: float
    distance_km: float
    probability: float


class Choice(Struct, forbid_unknown_fields=True):
    """What the user chose of the places that a task showed; null for none of them."""

    task_id: str
    location_id: int | None


def is_held_out(inference_id: str) -> bool:
    """Return whether a slate is kept from training: each fifth, by its id."""
    return crc32(inference_id.encode()) % 5 == 0


def asked(start: Start) -> tuple[int | None, dict[str, Any]]:
    """Return the user and the parameters of the source `candidates`; raise Invalid for an unknown user or no place."""
    given = msgspec.to_builtins(start)
    user_id = given.pop("user", None)
    if user_id is not None:
        with Session(engine()) as session:
            user = session.get(User, user_id)
        if user is None:
            raise Invalid.at("/user", f"there is no user {user_id}")
        given = {"latitude": user.latitude, "longitude": user.longitude, "affinity": user.affinity, **given}
    for name in ("latitude", "longitude"):
        if name not in given:
            raise Invalid.at(f"/{name}", "name a user, or give latitude and longitude")
    return user_id, given


def add_inference(task_id: str, user: int | None, params: Mapping[str, Any]) -> None:
    """Record who asked from where."""
    where = {"latitude": params["latitude"], "longitude": params["longitude"]}
    with engine().begin() as connection:
        connection.execute(insert(Inference).values(id=task_id, user_id=user, held_out=is_held_out(task_id), **where))


def shown(task_id: str, limit: int) -> list[Place]:
    """Return the first places that were shown for a task; raise NotFound for one that was not started here."""
    fields = (getattr(Location, name) for name in FIELDS)
    query = (
        select(Shown.position, *fields, Shown.log_distance, Shown.probability)
        .join(Location, Location.id == Shown.location_id)
        .where(Shown.inference_id == task_id)
        .order_by(Shown.position)
        .limit(limit)
    )
    with engine().connect() as connection:
        if connection.scalar(select(Inference.id).where(Inference.id == task_id)) is None:
            raise NotFound(f"there is no task {task_id[:64]!r}")
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [Place(distance_km=round(float(np.exp(row.pop("log_distance"))) - MIN_KM, 3), **row) for row in rows]


def show(task_id: str, version: int | None, result: Mapping[str, Any], limit: int) -> list[Place]:
    """Record the best places of a ranking as shown, and return them; what was shown before stays as it was."""
    utility, kept = np.asarray(result["y"]), result["kept"]
    shares = softmax(utility)
    rows = [
        {"inference_id": task_id, "position": position, "location_id": int(kept["place"][i])}
        | {"probability": float(shares[i]), **{name: float(kept[name][i]) for name in FEATURES}}
        for position, i in enumerate(np.argsort(-utility, kind="stable")[:limit].tolist())
    ]
    with engine().begin() as connection:
        connection.execute(update(Inference).where(Inference.id == task_id).values(model_version=version))
        write_rows(connection, Shown, rows, existing="keep")
    return shown(task_id, limit)


def choose(choice: Choice) -> int | None:
    """Record what was chosen, the last word of the user counts; return its position, None for none of the slate.

    Raise NotFound for a task that has shown nothing, Invalid for a place that it has not shown.
    """
    query = select(Shown.location_id, Shown.position).where(Shown.inference_id == choice.task_id)
    with engine().begin() as connection:
        positions = {row.location_id: row.position for row in connection.execute(query)}
        if not positions:
            raise NotFound(f"the task {choice.task_id[:64]!r} has shown no places")
        if choice.location_id is not None and choice.location_id not in positions:
            raise Invalid.at("/location_id", f"the task has not shown the place {choice.location_id}")
        row = {"inference_id": choice.task_id, "location_id": choice.location_id}
        write_rows(connection, Selection, [row], existing="replace")
    return None if choice.location_id is None else positions[choice.location_id]


def counts() -> dict[str, int]:
    """Return how many rows each table has."""
    return database.count_rows(TABLES)


def quality() -> dict[str, float]:
    """Return how many of the selections chose a place, and the mean of 1 / (1 + its position)."""
    same = (Shown.inference_id == Selection.inference_id) & (Shown.location_id == Selection.location_id)
    query = select(func.count(), func.avg(1.0 / (Shown.position + 1))).join_from(Selection, Shown, same)
    with engine().connect() as connection:
        number, rank = connection.execute(query).one()
    return {"places": number, "mean_reciprocal_rank": float(rank or 0)}
