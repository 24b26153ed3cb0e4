"""What the model can do: each tool's arguments, description and effect.

`registry.py` lists them and turns a model's call into a result; `shell.py`, `files.py`, `patch.py`,
`looking.py`, `preview.py`, `publish.py` and `people.py` hold the tools; `reading.py` does those
that only look together. A tool never raises for something the model can react to. `docs/tools.md`:
how to write one.
"""
