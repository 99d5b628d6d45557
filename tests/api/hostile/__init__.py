"""A corpus of requests that no honest client sends."""
