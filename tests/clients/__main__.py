"""Makes every environment, then runs the tests of tests/clients: `make test-clients`. Writes a report.

An environment that cannot be made is no reason to skip: its tests fail, and say why. Arguments are pytest's.
Exit code: 0 every test passed; 1 one did not.
"""

from __future__ import annotations

import sys

import pytest

from tests.clients import environments
from tests.clients.report import Outcomes


def main(arguments: list[str]) -> int:
    for name in environments.ENVIRONMENTS:
        try:
            environments.install(name)
        except environments.CannotInstall as error:
            print(f"{name}: cannot be installed\n{error}", file=sys.stderr)
        else:
            print(f"{name}: installed in {environments.FOLDER.relative_to(environments.ROOT) / name}", flush=True)
    outcomes = Outcomes()
    code = pytest.main(["-q", "-n", "0", "--must-run", *(arguments or ["tests/clients"])], plugins=[outcomes])
    if not arguments:
        outcomes.save()
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
