"""Receiving GitHub's push events: what a request says, who may send it, and what waits on disk."""
