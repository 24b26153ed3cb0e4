"""What the tests of the modal backend say of its workers."""

from collections.abc import Callable

from sandbox.backends.modal.backend import ModalBackend

Workers = Callable[..., ModalBackend]
"""Makes a worker; its settings may differ."""
NAME = "tw-test"
"""Of the one sandbox that a test is about."""
