"""A Slack workspace on one machine: Web API, Socket Mode, interactivity, as strict as Slack's own.

An unmodified Slack app works with it through `SLACK_API_URL`. Read `server.py` first (how it
starts), then `web_api.py` (what the app asks), `gestures/` (what people do) and `deliveries.py`
(how the app hears of it). `client.py` is how a script or a test acts as a person.
"""
