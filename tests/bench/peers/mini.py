"""mini-swe-agent as it is: litellm, a thread for each task, a trajectory file after each step."""

import asyncio
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("MSWEA_SILENT_STARTUP", "1")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import yaml
from minisweagent import package_dir
from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_model import LitellmModel
from rounds import rounds


async def main(url: str) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16))
    given = yaml.safe_load((package_dir / "config" / "mini.yaml").read_text())
    agent = {
        k: v for k, v in given["agent"].items() if k in ("system_template", "instance_template")
    }
    reach = {"api_base": f"{url}/v1", "api_key": "scripted", **given["model"]["model_kwargs"]}
    templates = {k: v for k, v in given["model"].items() if k.endswith("_template")}
    with tempfile.TemporaryDirectory() as folder:

        def work(text: str) -> None:
            model = LitellmModel(
                model_name="openai/scripted-demo",
                model_kwargs=reach,
                cost_tracking="ignore_errors",
                **templates,
            )
            path = Path(folder, f"{text.replace(' ', '-')}.json")
            DefaultAgent(model, LocalEnvironment(), output_path=path, **agent).run(text)

        async def run(text: str) -> None:
            await asyncio.to_thread(work, text)

        await rounds(run)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
