"""The store: SQLAlchemy Core, numbered migrations. The only place with SQL."""
