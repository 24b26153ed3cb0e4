"""Owns the sentence for what git says when the host refuses: its own words name addresses.

What is not known is taken for a trouble of the moment; a refusal of a push has the host's reason.
"""

import logging
import re

from agent import settings
from agent.repositories.git import GitProblem, Ran, Unavailable
from agent.repositories.naming import Named

log = logging.getLogger(__name__)

ARCHIVED = "{} is archived: it takes no changes."
FORBIDDEN = (
    "The operator's GITHUB_TOKEN may not do this with {}: it needs to write contents and pull "
    "requests there."
)

_SENTENCES = (
    (r"archived so it is read-only", "archived"),
    (r"could not read Username|Authentication failed|error: 401", "refused"),
    (r"fsck error|fsckObjects|bad object", "broken"),
    (r"couldn't find remote ref", "no branch"),
    (r"error: 404|not found", "missing"),
    (r"error: 403|Permission to .* denied|Write access to repository not granted", "forbidden"),
    (r"unable to update url base from redirection|error: 30[1278]", "moved"),
    (r"stale info|non-fast-forward|fetch first|cannot lock ref", "overtaken"),
    (r"Internal Server Error|fatal error in commit_refs|failed to update ref", ""),
    (r"GH008|unknown Git LFS object", "large files"),
    (r"remote rejected|GH0\d\d|push declined", "protected"),
)
_REASON = re.compile(r"\[remote rejected\] \((?P<reason>[^\n]{1,300})\)")
"""In GitHub's words, which a rule of a repository may word."""


def raise_for(ran: Ran, named: Named) -> None:
    """Raises GitProblem or Unavailable for what did not end well."""
    if ran.code == 0:
        return
    name, token = named.full_name, settings.current().github_token
    said = _REASON.search(ran.said)
    reason = f": {said['reason'].rstrip('.')}" if said else ""
    kind = next((k for p, k in _SENTENCES if re.search(p, ran.said, re.IGNORECASE)), "")
    if not kind:
        log.warning("git could not reach %s: %s", name, ran.said[-300:])
        raise Unavailable(f"{name} cannot be reached at the moment.")
    if kind == "refused" and token is not None:
        raise GitProblem(
            "The host refuses our token: an operator must give GITHUB_TOKEN a valid value."
        )
    raise GitProblem(
        {
            "refused": f"{name} does not exist or is private: check the name; an operator can set "
            "GITHUB_TOKEN so that private repositories can be taken.",
            "broken": f"The history of {name} holds what git's checks refuse.",
            "missing": f"{name} does not exist, or the operator's GITHUB_TOKEN may not read it: "
            "check the name.",
            "no branch": f"A branch of {name} that was to be fetched is no longer there: it was "
            "renamed or deleted.",
            "archived": ARCHIVED.format(name),
            "forbidden": FORBIDDEN.format(name),
            "moved": f"{name} has moved: name it by its new name, or publish again.",
            "protected": f"The rules of {name} do not let us push this branch{reason}.",
            "large files": f"The commits name Git LFS contents that {name} does not have, and "
            "contents of LFS cannot be published from here.",
            "overtaken": f"Somebody else changed our branch of {name} meanwhile: try again.",
        }[kind]
    )
