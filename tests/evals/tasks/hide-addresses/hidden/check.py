import subprocess
import sys


def run(text: bytes) -> bytes:
    return subprocess.run(
        [sys.executable, "redact.py"], input=text, capture_output=True, check=True
    ).stdout


assert run(b"ask ana.b+c@mail.example.org, or <x_y@a.io>.\n") == b"ask [e-mail], or <[e-mail]>.\n"
assert run(b"no @ here, a@b neither\r\n") == b"no @ here, a@b neither\r\n"
assert run("grüße\tan ana@example.com".encode()) == "grüße\tan [e-mail]".encode()
assert run(b"") == b""
