"""What the demo's model knows to do. Read `../script.py` first, then `todo.py`, the main one."""
