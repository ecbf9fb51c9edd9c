"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make users, locations, inferences with what they showed, and selections."""
    op.create_table(
        "users",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("latitude", sa.Float, nullable=False),
        sa.Column("longitude", sa.Float, nullable=False),
        sa.Column("affinity", sa.JSON, nullable=False),
    )
    op.create_table(
        "locations",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("rating", sa.Float, nullable=False),
        sa.Column("price", sa.Integer, nullable=False),
        sa.Column("latitude", sa.Float, nullable=False),
        sa.Column("longitude", sa.Float, nullable=False),
        sa.Column("grid_row", sa.Integer, nullable=False),
        sa.Column("grid_column", sa.Integer, nullable=False),
    )
    op.create_index("locations_by_cell", "locations", ["grid_row", "grid_column"])
    op.create_table(
        "inferences",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("user_id", KEY, sa.ForeignKey("users.id"), index=True),
        sa.Column("latitude", sa.Float, nullable=False),
        sa.Column("longitude", sa.Float, nullable=False),
        sa.Column("model_version", sa.Integer),
        sa.Column("held_out", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "shown",
        sa.Column("inference_id", sa.String, sa.ForeignKey("inferences.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("location_id", KEY, sa.ForeignKey("locations.id"), nullable=False),
        *(
            sa.Column(name, sa.Float, nullable=False)
            for name in ("probability", "log_distance", "affinity", "rating", "price", "near")
        ),
    )
    op.create_table(
        "selections",
        sa.Column("inference_id", sa.String, sa.ForeignKey("inferences.id"), primary_key=True),
        sa.Column("location_id", KEY, sa.ForeignKey("locations.id")),
        sa.Column("created", sa.DateTime, nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    """Remove all of them."""
    for name in ("selections", "shown", "inferences", "locations", "users"):
        op.drop_table(name)
