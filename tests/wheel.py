"""sdist -> wheel -> an empty environment -> a folder of somebody else's: what is installed works there.

`make test-wheel` runs it: some two minutes, most of them the demo's. A stranger's `streams`, `classifiers` and
`policy.toml` lie in that folder, and none of them is taken for ours.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
STRANGER = 'raise SystemExit("a stranger\'s {} was imported")\n'
PROGRAM = """
import tidegate
scorer = tidegate.load()
values = scorer.score(["You are a worthless idiot."]).values
assert values.shape == (1, len(scorer.labels))
assert dict(zip(scorer.labels, values[0]))["insult"] > 0.9
print(tidegate.__version__, *(name for name in tidegate.__all__ if getattr(tidegate, name)))
"""


def run(*command: str | Path, cwd: Path = ROOT, **more: object) -> str:
    """What it prints. Ends this with what it said where it fails."""
    ran = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}, **more,  # type: ignore[call-overload]
    )  # fmt: skip
    if ran.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit code {ran.returncode}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return str(ran.stdout)


def built(folder: Path) -> Path:
    """The wheel, from the source distribution."""
    run(sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tidegate"}, tops
    return wheel


def installed(wheel: Path, folder: Path) -> Path:
    """The `bin` of an environment that has the wheel, what the lock pins, and nothing else."""
    run(sys.executable, "-m", "venv", folder)
    pip = (folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(*pip, "--no-deps", wheel)
    return folder / "bin"


def strangers(folder: Path) -> Path:
    """Somebody's project, with names of ours in it."""
    folder.mkdir()
    for name in ("streams", "classifiers"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(STRANGER.format(name))
    (folder / "streams.py").write_text(STRANGER.format("streams.py"))
    (folder / "policy.toml").write_text("this is no policy of ours\n")
    return folder


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tidegate-wheel-") as name:
        top = Path(name)
        bin_ = installed(built(top / "dist"), top / "env")
        here = strangers(top / "project")
        print("import tidegate:", run(bin_ / "python", "-c", PROGRAM, cwd=here).strip())
        print(run(bin_ / "tidegate", "--version", cwd=here).strip())
        scored = run(
            bin_ / "tidegate", "score", "-", cwd=here, input='{"id": "1", "completion": "You are a worthless idiot."}\n'
        )
        assert json.loads(scored)["action"] == "review", scored
        print("tidegate score -: review")
        (account,) = [json.loads(line) for line in run(bin_ / "tidegate", "demo", "--json", cwd=here).splitlines()]
        assert account["sent"] == sum(account[n] for n in ("decided", "faults", "dead_letters", "redriven")), account
        print(f"tidegate demo: {account['sent']} sent, the account closes")
        shutil.rmtree(top / "env")


if __name__ == "__main__":
    main()
