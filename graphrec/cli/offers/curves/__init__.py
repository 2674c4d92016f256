"""Probabilities and curves of the pairs: a kept calibration, a learnt response, and what past weeks say of both."""
