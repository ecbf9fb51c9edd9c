"""What the routes read and write: users, tasks, the places that were shown for them, and what was selected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from examples.place_recommender.candidates import FEATURES
from examples.place_recommender.database import TABLES, Inference, Location, Selection, Shown, User, engine
from examples.place_recommender.sources import Request

MIN_KM = 0.1  # what the logarithm of the distance adds, see candidates.features


class Start(Struct, forbid_unknown_fields=True):
    """Who asks: a known `user`, or where somebody is and what he likes; what is given wins over what is known."""

    user: int | None = None
    latitude: float | UnsetType = UNSET
    longitude: float | UnsetType = UNSET
    affinity: dict[str, float] | UnsetType = UNSET
    categories: list[str] | UnsetType = UNSET
    radius_km: float | UnsetType = UNSET


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


def asked(start: Start) -> dict[str, Any]:
    """Return the parameters of the source `candidates`; raise Invalid for an unknown user, or for no place."""
    given = {
        name: getattr(start, name) for name in Request.__struct_fields__ if getattr(start, name, UNSET) is not UNSET
    }
    if start.user is not None:
        with Session(engine()) as session:
            user = session.get(User, start.user)
        if user is None:
            raise Invalid.at("/user", f"there is no user {start.user}")
        known = {"latitude": user.latitude, "longitude": user.longitude, "affinity": user.affinity}
        given = {**known, **given}
    for name in ("latitude", "longitude"):
        if name not in given:
            raise Invalid.at(f"/{name}", "name a user, or give latitude and longitude")
    return given


def add_inference(task_id: str, user: int | None, params: Mapping[str, Any]) -> None:
    """Record who asked from where."""
    with Session(engine()) as session, session.begin():
        where = {"latitude": params["latitude"], "longitude": params["longitude"]}
        session.add(Inference(id=task_id, user_id=user, held_out=is_held_out(task_id), **where))


def shown(task_id: str, limit: int) -> list[Place]:
    """Return the first places that were shown for a task; raise NotFound for one that was not started here."""
    with Session(engine()) as session:
        if session.get(Inference, task_id) is None:
            raise NotFound(f"there is no task {task_id[:64]!r}")
        query = (
            select(Shown, Location)
            .join(Location, Location.id == Shown.location_id)
            .where(Shown.inference_id == task_id)
        )
        return [_place(*row) for row in session.execute(query.order_by(Shown.position).limit(limit))]


def show(task_id: str, version: int | None, result: Mapping[str, Any], limit: int) -> list[Place]:
    """Record the best places of a ranking as shown, and return them; what was shown before stays as it was."""
    utility, kept = np.asarray(result["y"]), result["kept"]
    shares = np.exp(utility - utility.max())
    shares /= shares.sum()
    best = np.argsort(-utility, kind="stable")[:limit]
    rows = [
        {"inference_id": task_id, "position": position, "location_id": int(kept["place"][i])}
        | {"probability": float(shares[i]), **{name: float(kept[name][i]) for name in FEATURES}}
        for position, i in enumerate(best.tolist())
    ]
    while True:
        there = {place.position for place in shown(task_id, limit)}
        added = [row for row in rows if row["position"] not in there]
        try:
            with Session(engine()) as session, session.begin():
                session.get_one(Inference, task_id).model_version = version
                if added:
                    session.execute(insert(Shown), added)
            return shown(task_id, limit)
        except IntegrityError:  # another request for the same task was quicker
            continue


def choose(choice: Choice) -> int | None:
    """Record what was chosen, the last word of the user counts; return its position, None for none of the slate.

    Raise NotFound for a task that has shown nothing, Invalid for a place that it has not shown.
    """
    while True:
        try:
            with Session(engine()) as session, session.begin():
                query = select(Shown.location_id, Shown.position).where(Shown.inference_id == choice.task_id)
                positions = {location: position for location, position in session.execute(query)}  # noqa: C416
                if not positions:
                    raise NotFound(f"the task {choice.task_id[:64]!r} has shown no places")
                if choice.location_id is not None and choice.location_id not in positions:
                    raise Invalid.at("/location_id", f"the task has not shown the place {choice.location_id}")
                session.merge(Selection(inference_id=choice.task_id, location_id=choice.location_id))
            return None if choice.location_id is None else positions[choice.location_id]
        except IntegrityError:  # two first words at once
            continue


def page(what: str, after: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return rows of a table in the order of their keys, and the key that the next page begins after."""
    if what not in TABLES:
        raise NotFound(f"there is no content {what[:64]!r}; there are info, {', '.join(TABLES)}")
    table = TABLES[what].__table__
    key = next(iter(table.primary_key))
    query = select(table).order_by(key).limit(limit)
    if after is not None:
        try:
            query = query.where(key > key.type.python_type(after))
        except ValueError:
            raise Invalid.at("/after", "after is the `next` of the page before") from None
    with engine().connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return rows, str(rows[-1][key.name]) if len(rows) == limit else None


def counts() -> dict[str, int]:
    """Return how many rows each table has."""
    with engine().connect() as connection:
        return {name: connection.scalar(select(func.count()).select_from(table)) or 0 for name, table in TABLES.items()}


def quality() -> dict[str, float]:
    """Return how many of the selections chose a place, and the mean of 1 / (1 + its position)."""
    same = (Shown.inference_id == Selection.inference_id) & (Shown.location_id == Selection.location_id)
    query = select(func.count(), func.avg(1.0 / (Shown.position + 1))).join_from(Selection, Shown, same)
    with engine().connect() as connection:
        number, rank = connection.execute(query).one()
    return {"places": number, "mean_reciprocal_rank": float(rank or 0)}


def _place(row: Shown, place: Location) -> Place:
    return Place(
        row.position,
        place.id,
        place.name,
        place.category,
        place.rating,
        place.price,
        place.latitude,
        place.longitude,
        round(float(np.exp(row.log_distance)) - MIN_KM, 3),
        row.probability,
    )
