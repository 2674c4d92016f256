"""The Python front door: what notebooks and services call, on the objects of the command line."""
