"""The log engine: facts, edges and features as expressions that run on DuckDB and on Spark."""
