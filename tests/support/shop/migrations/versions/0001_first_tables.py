"""The first tables."""

from alembic import op

from tests.support.shop.database import Base

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make goods and prices."""
    Base.metadata.create_all(op.get_bind(), checkfirst=False)
