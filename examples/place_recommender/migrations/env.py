"""How Alembic reaches the database; `python -m examples.place_recommender.database` runs it."""

from alembic import context

from examples.place_recommender.database import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
