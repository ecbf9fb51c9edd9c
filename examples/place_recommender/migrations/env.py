"""How Alembic reaches the database; `python -m examples.place_recommender.database` runs it."""

from alembic import context
from sqlalchemy import create_engine

from examples.place_recommender.database import Base, database_url

engine = create_engine(context.config.attributes.get("url") or database_url(), hide_parameters=True)
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    context.run_migrations()
engine.dispose()
