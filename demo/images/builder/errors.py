"""The one error of the builder: what is missing and what to do about it."""


class BuildError(Exception):
    """An image cannot be built here; the text says what to do."""
