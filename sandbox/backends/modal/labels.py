"""Owns what is written on every sandbox, as tags: whose it is, and all its reference says.

A worker that finds a sandbox it did not create learns the rest from these.
"""

import base64

from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.protocol import Found

PIECE = 63
"""Characters of one tag value; the alphabet is letters, digits, dots, dashes, underscores."""


class Label(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    owner: str
    name: str
    """Of the session's sandbox, without a generation."""
    session: str
    generation: int
    created: float
    expires: float
    """The hard limit, in Unix seconds."""
    restored_from: str | None = None
    empty: bool = False

    def tags(self) -> dict[str, str]:
        encoded = base64.urlsafe_b64encode(self.session.encode()).decode().rstrip("=")
        pieces = [encoded[i : i + PIECE] for i in range(0, len(encoded), PIECE)]
        tags = {
            "owner": self.owner,
            "name": self.name,
            "generation": str(self.generation),
            "created": f"{self.created:.3f}",
            "expires": f"{self.expires:.3f}",
            **{f"session-{number}": piece for number, piece in enumerate(pieces)},
        }
        if self.restored_from:
            tags["restored_from"] = self.restored_from
        if self.empty:
            tags["empty"] = "yes"
        return tags

    @classmethod
    def read(cls, tags: dict[str, str]) -> "Label | None":
        """None for tags that nobody of ours wrote."""
        count = sum(name.startswith("session-") for name in tags)
        encoded = "".join(tags.get(f"session-{number}", "") for number in range(count))
        try:
            session = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            return cls.model_validate(
                {**tags, "session": session, "empty": tags.get("empty") == "yes"}
            )
        except (ValidationError, ValueError):
            return None

    def found(self, sandbox_id: str) -> Found:
        return Found(
            name=self.name,
            session=self.session,
            sandbox_id=sandbox_id,
            generation=self.generation,
            created_at=self.created,
        )
