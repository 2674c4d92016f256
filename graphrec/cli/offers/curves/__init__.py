"""Probabilities and curves of pairs: a kept calibration, a learnt response, what past weeks say of both."""
