"""LangGraph's `create_react_agent` with its SQLite checkpointer, durability as it is by default."""

import asyncio
import sys
import tempfile

import rounds
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.prebuilt import create_react_agent


@tool
async def shell(command: str) -> str:
    """Run a bash command."""
    return await rounds.shell(command)


async def main(url: str) -> None:
    model = ChatOpenAI(
        model="scripted-demo", base_url=f"{url}/v1", api_key="scripted", max_retries=0
    )
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(f"{folder}/checkpoints.sqlite") as saver:
            agent = create_react_agent(model, [shell], checkpointer=saver)

            async def run(text: str) -> None:
                given = {"messages": [{"role": "user", "content": text}]}
                config = {"configurable": {"thread_id": text}, "recursion_limit": 1000}
                await agent.ainvoke(given, config)

            await rounds.rounds(run)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
