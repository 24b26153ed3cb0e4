"""`make attacks`: runs every attack of the whole test suite, and prints a line for each.

Attacks are tests with the mark `attack(number)`, in this folder and wherever else they belong.
"""

import sys
from pathlib import Path

import pytest

ALL = range(1, 49)
ROOT = Path(__file__).parents[2]
FLAGS = ("-o", "addopts=", "--strict-markers", "-p", "no:cacheprovider", "-p", "no:terminal")


class Table:
    """Collects results as a plugin of pytest, and prints them by number."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._lines: list[tuple[int, str]] = []
        self.failures: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            mark = item.get_closest_marker("attack")
            if mark is not None:
                self._number[item.nodeid] = mark.args[0]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            result = f"not tried here: {reason.removeprefix('Skipped: ')}"
        elif report.passed:
            seen = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
            result = f"held{f' ({seen})' if seen else ''}"
        else:
            result = "BROKEN"
            self.failures.append(f"{report.nodeid}\n{report.longreprtext}")
        number = self._number[report.nodeid]
        self._lines.append((number, f"{number:2}  {_sentence(report.nodeid):100}  {result}"))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(f"{report.nodeid}\n{report.longreprtext}")

    def show(self) -> None:
        tried = {number for number, _ in self._lines}
        lines = [*self._lines, *((n, f"{n:2}  no test") for n in ALL if n not in tried)]
        for _, line in sorted(lines, key=lambda numbered: numbered[0]):
            print(line)
        for failure in self.failures:
            print(f"\n{failure}")
        print(f"\n{len(self._lines)} attacks, {len(self.failures)} broken")


def _sentence(nodeid: str) -> str:
    test, bracket, case = nodeid.rpartition("::")[2].partition("[")
    words = test.removeprefix("test_").lstrip("0123456789").strip("_").replace("_", " ")
    return f"{words}{f': {case[:-1]}' if bracket else ''}"


def main() -> int:
    table = Table()
    code = pytest.main([*FLAGS, "-m", "attack", str(ROOT / "tests")], plugins=[table])
    table.show()
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
