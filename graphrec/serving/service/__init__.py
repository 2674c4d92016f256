"""A live model behind HTTP: what is asked and answered, keys, limits, versions, metrics, the offers desk."""
