"""Lists of any library judged as `graphrec test` judges a model."""
