"""The folder of a run: where it is, who may write there, how far it got."""
