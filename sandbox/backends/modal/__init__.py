"""Sandboxes in Modal's cloud, by its SDK's asynchronous API.

`backend.py` implements the contract: `life.py` creates, finds, restores and ends sandboxes,
`requests.py` asks the program inside one (`program/`, brought there by `upload.py`), and
`connection.py` holds the one client, the deadlines and the table of errors. No SDK object leaves
this folder.
"""
