"""A table of the categories, which places refer to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

REFERENCE = "locations_category"


def upgrade() -> None:
    """Make the table of the categories that places have; `batch_alter_table` since SQLite cannot add a constraint."""
    op.create_table("categories", sa.Column("name", sa.String, primary_key=True))
    op.execute("INSERT INTO categories SELECT DISTINCT category FROM locations")
    with op.batch_alter_table("locations") as locations:
        locations.create_foreign_key(REFERENCE, "categories", ["category"], ["name"])


def downgrade() -> None:
    """Remove it."""
    with op.batch_alter_table("locations") as locations:
        locations.drop_constraint(REFERENCE, type_="foreignkey")
    op.drop_table("categories")
