"""Block Kit as Slack checks it: which blocks exist, what they hold, how a mistake is reported.

`checks.py` is the small language the rules are written in; the other modules are the rules.
"""

from local.slack.blockkit.blocks import Surface, check_blocks
from local.slack.blockkit.ids import InteractiveElement, find_element, name_blocks
from local.slack.blockkit.views import check_view

__all__ = [
    "InteractiveElement",
    "Surface",
    "check_blocks",
    "check_view",
    "find_element",
    "name_blocks",
]
