"""How good the agent is: tasks with hidden checks, run over the real engine and real sandboxes.

`python -m tests.evals` plays them with the scripted model, which knows every solution: that proves
the plumbing. With `OPENAI_API_KEY` and `LLM_MODEL` of a real model it judges the model and us.
"""
