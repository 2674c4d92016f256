"""Sizes of packages, out of texts such as ``12 OZ``, ``1,5 LTR`` and ``6X330ML``."""
