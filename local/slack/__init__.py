"""A Slack workspace on one machine: Web API, Socket Mode, HTTP, as strict as Slack's own.

An unmodified Slack app works with it through `SLACK_API_URL`. Read `server.py` first (how it
starts), then `web_api.py` (what the app asks), `gestures/` (what people do) and `deliveries.py`
(how the app hears of it: by `sockets.py` or `http_mode.py`, at each place in `installs.py`).
`client.py` is how a script or a test acts as a person (`person.py`) and makes things go wrong
(`faults.py`, `rates.py`, by way of `switches.py`). `samples.py` is all that Slack may ever send.
"""
