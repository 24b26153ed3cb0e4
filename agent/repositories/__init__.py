"""Projects that begin from a repository: named by people, fetched, committed to, published.

Git's network side and its credential stay in this process, outside of any sandbox; what comes back
out of a sandbox is taken for hostile. Read `naming.py`, `git.py`, `upstream.py`, `inside.py`, then
`record.py`, `fetching.py`, `moving.py`, `repository.py`, `publishing.py`.
"""
