"""The documents against the code: nothing is left out, every link leads somewhere, what is shown can be run."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest
from typer.main import get_command

from tests.wire.records import record
from tidegate.classifiers import Cascade, ClassifierError, load
from tidegate.streams.cli.app import app
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import AlertReason, DeadLetterReason, FaultReason, Source
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import Policy, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import LogMatch
from tidegate.streams.core.policy.tables import RESERVED_LABELS
from tidegate.streams.embedded import EmbeddedError
from tidegate.streams.errors import TidegateError
from tidegate.streams.ingest.takeover import CheckpointTrust
from tidegate.streams.kafka.admin import TopicsRefused, TopicsUnequal
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.operations.replay.range import RangeRefused
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.reference.tables import PAGES, TABLES, fill_tables
from tidegate.streams.serve.merged import ParentMetrics
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.settings.settings import PREFIX, Settings
from tidegate.streams.store.keys import Keys
from tidegate.streams.wire import decode_completion

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"),
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
]
# Pages that others make, from reports or from the model: what they show is held by tests of their own.
MADE_WHOLE = ("docs/dependencies.md", "docs/models.md", "docs/reliability.md")
HERE = [name for name in DOCUMENTS if name not in MADE_WHOLE]
README_LINES = 150  # a front page that people finish


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def prose(name: str) -> str:
    """Without code blocks."""
    return re.sub(r"^```.*?^```$", "", text(name), flags=re.DOTALL | re.MULTILINE)


def fenced(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text(name), re.DOTALL | re.MULTILINE)


ALERTS, RECOVER, FORMS = "docs/how-to/alerts.md", "docs/how-to/recover.md", "docs/reference/input-forms.md"
ERRORS, METRICS, REDIS = (text(f"docs/reference/{name}.md") for name in ("errors", "metrics", "redis"))


# --- what is made from the code


@pytest.mark.parametrize("page", PAGES)
def test_tables_made_from_the_code_are_current(page: str) -> None:
    assert fill_tables(text(page)) == text(page), (
        "run `python -m tidegate.streams.reference.tables` and commit what it writes"
    )


def test_every_table_is_on_some_page() -> None:
    pages = "".join(map(text, PAGES))
    assert [name for name in TABLES if f"<!-- made: {name} -->" not in pages] == []


# --- nothing is left out of docs/


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_has_a_row(name: str) -> None:
    assert f"| `{PREFIX}{name.upper()}` |" in text("docs/reference/settings.md")


def test_every_metric_has_a_row_and_no_other() -> None:
    families = (
        *(*Metrics().registry.collect(), *ServeMetrics().registry.collect()),
        *ParentMetrics(lambda: {}, 1).registry.collect(),
    )
    ours = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(re.findall(r"^\| `(tidegate_\w+)` \|", METRICS, re.MULTILINE)) == ours


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        *((FORMS, reason) for reason in DeadLetterReason),
        *(("docs/reference/errors.md", reason) for reason in FaultReason),
        *((ALERTS, reason) for reason in AlertReason),
        *((RECOVER, reason) for reason in CheckpointTrust),
        *((RECOVER, state) for state in LogMatch if state is not LogMatch.UNCLEAR),  # that one ends before it is shown
    ],
)
def test_a_reason_has_a_row(page: str, reason: StrEnum) -> None:
    assert f"| `{reason.value}` |" in text(page)


@pytest.mark.parametrize("alert", read_policy(ROOT / "policy.toml").alerts)
def test_a_default_alert_has_a_row(alert: str) -> None:
    assert f"| `{alert}` |" in text(ALERTS)


def test_every_redis_key_has_a_row() -> None:
    keys, partition = Keys("tidegate"), TopicPartition("completions", 3)
    start = 1767268800000
    made = {
        keys.checkpoint(partition), keys.totals(partition), keys.touch(partition), keys.bucket(partition, start),
        keys.users(partition, start, "label.toxicity|all"), keys.merged_sketch(partition), keys.sketch_copy(0),
        keys.strikes(partition, "acme:5f0c2a9be1d34c7788990a1b2c3d4e5f"), keys.outbox(partition),
        keys.copy(partition, 88214),
        keys.lease, keys.alerts, keys.names("tenant"), keys.policies, keys.workers, keys.meta,
    }  # fmt: skip
    public = {name for name in vars(Keys) if not name.startswith("_") and name != "namespace"}
    assert len(made) == len(public), "a new key: add it here, and to docs/reference/redis.md"
    rows = set(re.findall(r"^\| `(tidegate:[^`]+)` \|", REDIS, re.MULTILINE))
    assert {row.replace("\\|", "|") for row in rows} == made


def errors(root: type[Exception]) -> set[str]:
    return {root.__name__} | {name for below in root.__subclasses__() for name in errors(below)}


def test_every_error_has_a_row() -> None:
    assert {EmbeddedError, RangeRefused, TopicsRefused, TopicsUnequal}  # imported: they are among the subclasses then
    ours = errors(TidegateError) | errors(ClassifierError) - {"ClassifierError"}
    raised = {name for name in ours if name not in ("TidegateError", "DemoStopped")}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", ERRORS, re.MULTILINE)
    known = {name for row in rows for name in re.findall(r"\w+", row)}
    assert raised - known == set()


# --- links


def anchors(name: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(name), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def links(name: str) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(name)) if not link.startswith("https://")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    lost = []
    for link in links(name):
        path, _, anchor = unquote(link).partition("#")
        file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        if not file.exists() or (anchor and anchor not in anchors(str(file.relative_to(ROOT)))):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("name", HERE)
def test_a_document_names_only_files_that_exist(name: str) -> None:
    """Paths in backticks that look like files of ours, and `tests/…` everywhere."""
    named = re.findall(r"`((?:streams|classifiers|tests|docs|training|schemas)/[\w./-]*)`", text(name))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_producer_makes_record_hmac_by_the_line_that_is_given() -> None:
    (line,) = fenced(FORMS, "python")
    key, value = b"0123456789abcdef", b'{"id": "c1", "completion": "what was said"}'
    assert eval(line, {"hmac": hmac, "key": key, "value": value}) == UserKey(key).record(value)  # noqa: S307 - our own page


def test_the_map_names_every_folder_once() -> None:
    """Of the code: one line a folder, in CONTRIBUTING.md."""
    (tree,) = fenced("CONTRIBUTING.md", "text")
    named, above = [], [""]
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        words = re.split(r"\s{2,}", line.strip())[0].split()
        above[depth + 1 :] = [above[depth] + words[-1]]
        named += [above[depth] + word for word in words]
    assert [path for path in named if not (ROOT / path).is_dir()] == []
    rooms = {
        f"streams/{path.parent.relative_to(ROOT / 'streams')}/" for path in (ROOT / "streams").glob("*/__init__.py")
    }
    assert rooms <= set(named)
    assert len(named) == len(set(named))


# --- what is shown can be run


@cache
def commands() -> dict[str, list[str]]:
    """Command -> its options, `policy set` among them."""
    found: dict[str, list[str]] = {}

    def walk(command: object, name: str) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found[name] = [flag for option in command.params for flag in option.opts]  # type: ignore[attr-defined]
        else:
            for word, inner in below.items():
                walk(inner, f"{name} {word}".strip())

    walk(get_command(app), "")
    return found


def shown(name: str) -> list[str]:
    """Every `tidegate …` of a document: in code blocks and in backticks."""
    lines = [line for language in ("sh", "text") for block in fenced(name, language) for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", prose(name))
    found = (re.search(r"(?:^|[| /])tidegate ([a-z-]+.*)$", line.partition("  #")[0]) for line in lines)
    return [match[1].strip() for match in found if match]


def is_command(line: str) -> bool:
    """Whether there is such a command and it has the options shown; or such a group, shown alone."""
    words = line.split(" | ")[0].split()
    flags = {word for word in words if word.startswith("--")} - {"--help"}
    for name in (" ".join(words[:2]), words[0]):
        if name in commands():
            return flags <= set(commands()[name])
    return words in (["--help"], ["--version"]) or (
        len(words) == 1 and any(name.startswith(f"{words[0]} ") for name in commands())
    )


@pytest.mark.parametrize("name", HERE)
def test_every_command_shown_is_one_with_the_options_shown(name: str) -> None:
    assert [line for line in shown(name) if not is_command(line)] == []


class RecordingProducer:
    """In the place of aiokafka's: keeps what it is given to send."""

    def __init__(self, **_: object) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        RecordingProducer.last = self

    last: ClassVar[RecordingProducer]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def __aenter__(self) -> RecordingProducer:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send_and_wait(self, topic: str, value: bytes, key: bytes, **_: object) -> SimpleNamespace:
        self.sent.append((topic, value, key))
        return SimpleNamespace(partition=0, offset=0)


def test_the_readmes_python_can_be_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first block moderates a text; the second sends a completion that is read, to a recording producer."""
    monkeypatch.setattr("tidegate.streams.kafka.writing.AIOKafkaProducer", RecordingProducer)
    names: dict[str, Any] = {}
    moderating, producing = fenced("README.md", "python")
    exec(moderating, names)  # noqa: S102 - our own page
    assert capsys.readouterr().out == moderating.rpartition("# ")[2]
    exec(producing, names)  # noqa: S102 - our own page
    asyncio.run(names["send"]())
    assert sent() == ("completions", "acme", b"acme:u-17")


def test_a_producers_aiokafka_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiokafka.AIOKafkaProducer", RecordingProducer)
    names: dict[str, Any] = {}
    (program,) = fenced("docs/how-to/produce.md", "python")
    exec(program, names)  # noqa: S102 - our own page
    asyncio.run(names["send"]({"id": "c-9", "completion": "Paris.", "tenant": "acme"}))
    assert sent() == ("completions", "acme", b"acme:u-17")


def sent() -> tuple[str, str, bytes]:
    """The topic, the tenant as it is read, and the key of the one record that the last producer sent."""
    ((topic, value, key),) = RecordingProducer.last.sent
    read = decode_completion(record(json.loads(value)))
    return topic, getattr(read, "tenant", str(read)), key


def test_the_tutorials_producer_is_python() -> None:
    (program,) = fenced("docs/tutorial.md", "python")
    compile(program, "docs/tutorial.md", "exec")


def test_the_readme_names_make_targets_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    shown = set(re.findall(r"make ([a-z]+)`", text("README.md")))
    assert {"demo", "test"} <= shown <= targets


def test_the_readme_is_one_that_people_finish() -> None:
    assert len(text("README.md").splitlines()) <= README_LINES


def test_the_readme_links_to_every_page() -> None:
    pages = {name for name in DOCUMENTS if name.startswith("docs/")}
    assert pages - {link.partition("#")[0] for link in links("README.md")} == set()


def test_every_policy_shown_is_a_policy() -> None:
    blocks = fenced("docs/reference/policy.md", "toml")
    assert len(blocks) > 3
    for block in blocks:
        base, own = tomllib.loads(text("policy.toml")), tomllib.loads(block)
        parse(base | own | {"labels": base["labels"] | own.get("labels", {})}, "docs/reference/policy.md")


def test_every_policy_key_set_in_an_example_is_one() -> None:
    base = tomllib.loads(text("policy.toml"))
    for name in HERE:
        # Not those after a prompt: what is shown with its output may be refused.
        for key, value in re.findall(r"(?<!\$ )tidegate policy set (\S+) (\S+)", text(name)):
            if "…" in (key, value):
                continue
            data: dict[str, object] = json.loads(json.dumps(base))
            into = data
            *path, last = key.split(".")
            for partition in path:
                into = into.setdefault(partition, {})  # type: ignore[assignment]
            into[last] = value if value.isalpha() else json.loads(value)
            assert isinstance(parse(data, name), Policy)


def test_every_reserved_label_is_documented() -> None:
    page = text("docs/reference/policy.md")
    assert [name for name in RESERVED_LABELS if f"`{name}`" not in page] == []


def test_the_readmes_completion_is_decoded() -> None:
    (native,) = fenced("docs/how-to/produce.md", "json")
    read = decode_completion(record(json.loads(native)))
    assert getattr(read, "tenant", read) == "acme"


# --- numbers


@pytest.fixture(scope="module")
def model() -> Cascade:
    found = load()
    assert isinstance(found, Cascade)
    return found


def rows(name: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading of a page, without its head."""
    after = text(name).partition(heading)[2]
    table = re.search(r"(?:^\|.*\|\n)+", after, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_the_model_gives_the_scores_that_the_documents_show(model: Cascade) -> None:
    live = LivePolicy("readme", read_policy(ROOT / "policy.toml"))
    said = []
    for row in rows("README.md", "With the policy in this repository:"):
        (scored,) = model.covering(live.thresholds).score([row[0]]).values
        scores = {label: round(float(score), 4) for label, score in zip(model.labels, scored, strict=True)}
        decision = decide(
            Inputs("r", Source(topic="completions", partition=0, offset=0), 1, 0, model.version, scores=scores), live
        )
        others = ((k, s) for k, s in scores.items() if k != "toxicity" and k not in model.prompt_labels)
        label, score = max(others, key=lambda scored: scored[1])
        said.append([row[0], f"{scores['toxicity']:.2f}", f"{label} {score:.2f}", decision.action.value, row[4]])
    assert rows("README.md", "With the policy in this repository:") == said


def test_the_figures_are_the_manifests(model: Cascade) -> None:
    figures = model.entry.figures
    assert figures is not None
    policy = read_policy(ROOT / "policy.toml")
    expected = [
        [
            label, f"{figures.labels[label].auroc:.3f}", f"{figures.labels[label].recall_at_threshold:.1%}",
            f"{figures.labels[label].benign_fpr:.2%}",
        ]
        for label in policy.labels
    ]  # fmt: skip
    assert rows("docs/limits.md", "Measured on held-out texts") == expected
    lowest = {label: t.review if t.flag is None else t.flag for label, t in policy.labels.items()}
    assert lowest == {label: figures.labels[label].threshold for label in policy.labels}
