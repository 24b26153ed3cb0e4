"""Owns the repositories there are from the start: with a bug, private, and empty."""

from local.github.state import State

_GREETING = '''"""Greets people by their names."""


def greet(name: str = "") -> str:
    """A greeting; without a name it is for everybody."""
    return f"Hello, {name}!"


def greet_all(names: list[str]) -> list[str]:
    return [greet(name) for name in names]
'''
_TESTS = """import unittest

from hello.greeting import greet, greet_all


class Greeting(unittest.TestCase):
    def test_a_name_is_greeted(self) -> None:
        self.assertEqual(greet("Ada"), "Hello, Ada!")

    def test_without_a_name_everybody_is_greeted(self) -> None:
        self.assertEqual(greet(), "Hello, world!")

    def test_each_name_is_greeted(self) -> None:
        self.assertEqual(greet_all(["Ada", "Alan"]), ["Hello, Ada!", "Hello, Alan!"])


if __name__ == "__main__":
    unittest.main()
"""
HELLO = {
    "README.md": "# hello\n\nGreets people. Run the tests with `python3 -m unittest -q`.\n",
    ".gitignore": "__pycache__/\n*.pyc\n",
    "hello/__init__.py": "",
    "hello/greeting.py": _GREETING,
    "tests/__init__.py": "",
    "tests/test_greeting.py": _TESTS,
}
LEDGER = {"README.md": "# ledger\n\nNot for everybody.\n", "ledger.py": "BALANCE = 0\n"}


def fill(state: State) -> None:
    state.create("acme/hello", HELLO)
    state.create("acme/ledger", LEDGER, private=True)
    state.create("acme/empty")
