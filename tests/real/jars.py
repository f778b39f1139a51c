"""Apache Kafka's jars, downloaded once by Maven (`pom.xml`) into `.kafka/` in this checkout."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[2] / ".kafka"
JAVA = 17  # what Kafka 4 requires
PACKAGE = f"openjdk-{JAVA}-jre-headless"


class RealServersMissing(Exception):
    """Java, Maven, Kafka's jars or redis-server are not there: the message says which, and how to get it."""

    def __init__(self, message: str, package: str = "") -> None:
        """package: Debian's, that has it."""
        super().__init__(f"{message}: apt install {package}" if package else message)
        self.package = package


def jars() -> Path:
    """The folder that holds them. The first time it takes a minute and the network. Raises RealServersMissing."""
    lib = _lib()
    java()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes ask at once
        if not lib.exists():
            sys.stderr.write(f"Maven brings Apache Kafka into {CACHE.name}/, once: about a minute\n")
            _fetch(lib)
    return lib


def java() -> str:
    """The `java` to run brokers with. Raises RealServersMissing where there is none, or it is too old."""
    path = shutil.which("java")
    if path is None:
        raise RealServersMissing(f"no `java` on PATH; expected Java {JAVA} or newer", PACKAGE)
    stderr = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', stderr)
    if version is None or int(version[1]) < JAVA:
        raise RealServersMissing(f"{path} says {stderr.splitlines()[:1]}; expected Java {JAVA} or newer", PACKAGE)
    return path


def maven() -> str | None:
    """The `mvn` that brings the jars; None where they are there. Raises RealServersMissing where there is none."""
    if _lib().exists():
        return None
    path = shutil.which("mvn")
    if path is None:
        raise RealServersMissing("no `mvn` on PATH; expected Apache Maven, which brings Kafka", "maven")
    return path


def _lib() -> Path:
    return CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def _fetch(lib: Path) -> None:
    mvn = maven()
    if mvn is None:
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        command = [mvn, "--quiet", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder}/lib"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            errors = "\n".join(line for line in ran.stdout.splitlines() if "ERROR" in line)
            raise RealServersMissing(f"Maven could not bring Kafka's jars of {POM}:\n{errors or ran.stderr}")
        Path(folder, "lib").rename(lib)
