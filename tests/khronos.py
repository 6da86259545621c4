"""What the glTF validator of Khronos says of files: `python tests/khronos.py outputs/robot/asset.glb ...`

It needs node and the npm package gltf-validator, which `make setup-tools` installs beside this Python's packages.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(sys.prefix, "node_modules", "gltf-validator")
READY = PACKAGE.is_dir() and shutil.which("node") is not None
MISSING = "needs node and gltf-validator: make setup-tools"
SCRIPT = """
const validator = require(process.argv[1]);
const bytes = new Uint8Array(require('fs').readFileSync(process.argv[2]));
validator.validateBytes(bytes).then(report => console.log(JSON.stringify(report.issues)));
"""


def issues(path: Path) -> dict:
    """Its report: `numErrors`, `numWarnings`, `messages` and more."""
    command = ["node", "-e", SCRIPT, str(PACKAGE), str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    """Print a line a file; fail if one has errors or warnings."""
    if not READY:
        sys.exit(MISSING)
    found = {name: issues(Path(name)) for name in sys.argv[1:]}
    for name, report in found.items():
        print(f"{name}: {report['numErrors']} errors, {report['numWarnings']} warnings")
        for message in report["messages"]:
            if message["severity"] < 2:  # 0 is an error, 1 a warning
                print(f"  {message['code']} at {message.get('pointer', '?')}: {message['message']}")
    sys.exit(any(report["numErrors"] or report["numWarnings"] for report in found.values()))


if __name__ == "__main__":
    main()
