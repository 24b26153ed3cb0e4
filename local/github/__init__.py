"""A double of GitHub for one machine: REST, git over HTTP, and a page for each link it gives out.

As strict as the real one where a client could get away with less: who may see and write what, which
fields a request needs, one open pull request per branch, protected branches, rate limits.
"""

from local.github.server import Double, running_github

__all__ = ["Double", "running_github"]
