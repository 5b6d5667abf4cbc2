"""How Alembic runs the migrations: on the connection that `hub.course.database` hands it."""

from alembic import context

from introml.hub.course.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
