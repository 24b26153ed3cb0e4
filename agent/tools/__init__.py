"""What the model can do: each tool's arguments, description and effect.

`registry.py` lists them and turns a model's call into a result; `shell.py`, `files.py`,
`patch.py` and
`people.py` hold the tools. A tool never raises for something the model can react to.
"""
