"""A seeded town with users who choose by a known utility: places, users, slates and selections in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select
from sqlalchemy.engine import Engine

from app.data.choice_sets import is_held_out
from app.data.geo_grid import grid_cell
from examples.place_recommender.candidates import features, find
from examples.place_recommender.database import FEATURES, Category, Inference, Location, Selection, Shown, User

CATEGORIES = ("bakery", "bar", "café", "cinema", "gallery", "library", "museum", "park", "restaurant", "theatre")
CENTRE, SPREAD_DEGREES = (46.95, 7.45), 0.08
TRUE_WEIGHTS = dict(zip(FEATURES, (-0.8, 1.5, 0.9, -0.4, 0.5), strict=True))
TRUE_POSITION, TRUE_NONE = -0.5, 4.0
SHOWN, NEAREST = 10, 300
BLOCK = 5_000


def places(number: int, seed: int, spread: float = SPREAD_DEGREES) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of `locations` in blocks, scattered around the centre."""
    random = np.random.default_rng(seed)
    for start in range(0, number, BLOCK):
        size = min(BLOCK, number - start)
        latitude = CENTRE[0] + random.normal(0, spread, size)
        longitude = CENTRE[1] + random.normal(0, spread, size)
        category = random.integers(0, len(CATEGORIES), size)
        rating, price = np.round(random.normal(3.6, 0.7, size).clip(1, 5), 1), random.integers(1, 5, size)
        rows, columns = grid_cell(latitude, longitude)
        yield [
            {
                "id": start + i + 1,
                "name": f"{CATEGORIES[category[i]].title()} {start + i + 1}",
                "category": CATEGORIES[category[i]],
                "rating": float(rating[i]),
                "price": int(price[i]),
                "latitude": float(latitude[i]),
                "longitude": float(longitude[i]),
                "grid_row": int(rows[i]),
                "grid_column": int(columns[i]),
            }
            for i in range(size)
        ]


def fill(engine: Engine, number: int = 20_000, users: int = 200, seed: int = 0, spread: float = SPREAD_DEGREES) -> None:
    """Write places and users into empty tables; do nothing where there are places."""
    with engine.begin() as connection:
        if connection.scalar(select(Location.id).limit(1)):
            return
        connection.execute(insert(Category), [{"name": name} for name in CATEGORIES])
        for block in places(number, seed, spread):
            connection.execute(insert(Location), block)
        connection.execute(insert(User), people(users, seed, spread))


def people(number: int, seed: int, spread: float = SPREAD_DEGREES) -> list[dict[str, Any]]:
    """Return the rows of `users`: each likes some categories and dislikes others."""
    random = np.random.default_rng([seed, 1])
    return [
        {
            "id": i + 1,
            "name": f"User {i + 1}",
            "latitude": float(random.normal(CENTRE[0], spread / 2)),
            "longitude": float(random.normal(CENTRE[1], spread / 2)),
            "affinity": {category: float(np.round(random.uniform(-1, 1), 2)) for category in CATEGORIES},
        }
        for i in range(number)
    ]


def choose(random: np.random.Generator, known: Any) -> int | None:
    """Return the position that a user takes of a slate of features (n, 5), None for none of it."""
    utility = known @ np.array([*TRUE_WEIGHTS.values()]) + TRUE_POSITION * np.log1p(np.arange(len(known)))
    noisy = np.append(utility, TRUE_NONE) + random.gumbel(size=len(known) + 1)
    best = int(noisy.argmax())
    return None if best == len(known) else best


def simulate(engine: Engine, number: int = 5_000, seed: int = 0) -> None:
    """Write so many answered slates: ten of the places around a user, the nearest on top, as without a model."""
    random = np.random.default_rng([seed, 2])
    with engine.begin() as connection:
        before = connection.scalar(select(func.count()).select_from(Inference)) or 0
        users = connection.execute(select(User.__table__).order_by(User.id)).all()
        around = [find(connection, user.latitude, user.longitude, 5.0, NEAREST, None) for user in users]
        rows: dict[Any, list[dict[str, Any]]] = {Inference: [], Shown: [], Selection: []}
        for i in range(number):
            which = int(random.integers(len(users)))
            user, found = users[which], around[which]
            if len(found) < SHOWN:
                continue
            taken = [found[j] for j in np.sort(random.choice(len(found), SHOWN, replace=False))]
            _slate(rows, f"simulated-{seed}-{before + i}", user, taken, random)
        for table, values in rows.items():
            connection.execute(insert(table), values)


def _slate(rows: Any, name: str, user: Any, taken: list[Any], random: np.random.Generator) -> None:
    """Add one slate with its selection to the rows of the tables."""
    listed = [place for _, place in taken]
    known = features(
        [distance for distance, _ in taken],
        [user.affinity[place.category] for place in listed],
        [place.rating for place in listed],
        [place.price for place in listed],
    )
    best = choose(random, known)
    rows[Inference].append(
        {
            "id": name,
            "user_id": user.id,
            "latitude": user.latitude,
            "longitude": user.longitude,
            "held_out": is_held_out(name),
        }
    )
    rows[Shown] += [
        {"inference_id": name, "position": i, "location_id": place.id, "probability": 1 / SHOWN}
        | dict(zip(FEATURES, known[i].tolist(), strict=True))
        for i, place in enumerate(listed)
    ]
    rows[Selection].append({"inference_id": name, "location_id": None if best is None else listed[best].id})
