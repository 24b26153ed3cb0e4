"""The cloud on one machine: a Slack workspace with a web page, a scripted model, the real
Restate server.

`__main__.py` starts all of it; `play.py` plays a conversation through it. Nobody imports this
package
but tests.
"""
