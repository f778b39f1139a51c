"""The report of a drill that passed. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.results import commit


@dataclass
class Report:
    """What a drill did and its result: one row of docs/reliability.md."""

    drill: str  # its name, as docs/reliability.md has it
    title: str
    servers: str  # embedded, or real
    seed: int
    did: str = ""
    sent: int = 0
    decided: int = 0
    faults: int = 0
    dead_letters: int = 0
    duplicates: int = 0  # decisions beyond one a position
    recovered_s: float | None = (
        None  # from its begin until every partition counted a record that was sent after its end
    )
    alert: str = ""
    took_s: float = 0.0
    commit: str = field(default_factory=commit)  # of the program under test
