"""A loaded model that answers one shopper at a time: lists, similar items, offers; nothing is trained."""
