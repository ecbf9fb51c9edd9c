"""The steps that the tables were made by; see Alembic."""
