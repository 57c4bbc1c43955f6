"""Runs the scripts of figures outside a browser."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def evaluate(node: str, scripts: Sequence[Path], expression: str, data: object) -> Any:
    """Give the value of an expression after the scripts, of ``data``; nothing is started.

    Numbers below all are ``null``, as in JSON.
    """
    body = "".join(script.read_text(encoding="utf-8") for script in scripts)
    body = body.removesuffix("start();\n")
    program = (
        '"use strict"; const data = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
        f"{{{body}\nprocess.stdout.write(JSON.stringify({expression}));}}"
    )
    done = subprocess.run(
        [node, "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
