"""The floor: the same SDK, the same call, the same commands, and nothing kept anywhere.

`python bare.py <model>` reads whole answers; with `streamed` behind it, streams as our loop does.
"""

import asyncio
import json
import sys
from typing import Any

from openai import AsyncOpenAI
from rounds import rounds, shell

TOOL = {
    "type": "function",
    "name": "shell",
    "description": "Run a bash command.",
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
        "additionalProperties": False,
    },
    "strict": True,
}


async def main(url: str, streamed: bool) -> None:
    client = AsyncOpenAI(api_key="scripted", base_url=f"{url}/v1", max_retries=0)

    async def ask(items: list[Any]) -> list[Any]:
        body = {"input": items, "tools": [TOOL]}
        given: dict[str, Any] = {"model": "scripted-demo", "store": False, "extra_body": body}
        if not streamed:
            response = await client.responses.create(**given)
            return [item.to_dict(mode="json") for item in response.output]
        async for event in await client.responses.create(**given, stream=True):
            if event.type == "response.completed":
                done = event.response
        return [item.to_dict(mode="json") for item in done.output]

    async def run(text: str) -> None:
        items: list[Any] = [{"role": "user", "content": text}]
        while True:
            answer = await ask(items)
            items += answer
            calls = [item for item in answer if item["type"] == "function_call"]
            if not calls:
                return
            for call in calls:
                output = await shell(json.loads(call["arguments"])["command"])
                items.append(
                    {"type": "function_call_output", "call_id": call["call_id"], "output": output}
                )

    await rounds(run)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], "streamed" in sys.argv))
