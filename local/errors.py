"""Owns the one error of the local cloud."""


class LocalCloudError(Exception):
    """Something this machine lacks or refuses; the message says what it is and what to do."""
