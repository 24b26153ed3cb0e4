"""What people asked for and nobody has built yet, as noted in README.md."""

from pathlib import Path

HEADING = "## Asked for later"
README = Path(__file__).with_name("README.md")


def wishes(text: str | None = None) -> list[str]:
    """The points under the heading, in order; from README.md unless a text is given."""
    lines = (README.read_text("utf-8") if text is None else text).splitlines()
    start = lines.index(HEADING) + 1 if HEADING in lines else len(lines)
    found: list[str] = []
    for line in lines[start:]:
        if line.startswith("#"):
            break
        if line.startswith("- "):
            found.append(line[2:].strip())
    return found


if __name__ == "__main__":
    print("\n".join(wishes()) or "nothing is waiting")
