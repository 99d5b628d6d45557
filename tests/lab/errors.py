"""What goes wrong while a lab is built or used."""


class LabError(Exception):
    """The lab cannot do what was asked; the text says what to do about it."""
