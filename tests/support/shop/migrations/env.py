"""How Alembic reaches the database of the shop."""

from alembic import context

from tests.support.shop.database import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
