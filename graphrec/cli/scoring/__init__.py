"""What is behind `graphrec score`: users in parts, each scored and written whole, here or on Spark."""
