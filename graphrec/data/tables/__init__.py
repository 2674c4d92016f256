"""The one reader of tables: any file or folder in, a checked frame out."""
