"""People have the user name by which they know themselves, beside the safe one made of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "person", sa.Column("login", sa.String(length=100), nullable=False, server_default="")
    )
    # Until now a name was what the roster gave, and people signed in by it.
    op.execute("UPDATE person SET login = name")
