"""A Kafka with TLS and SASL: who may connect, by which credentials, and the errors of those who may not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.real.as_user import ROOT, environment, run, settings
from tests.real.secure import Secure
from tidegate.streams.errors import BrokerRefused, BrokerUnavailable
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.settings.roles import ROLES


@pytest.fixture(scope="module", autouse=True)
def _topics(secure: Secure) -> None:
    ran = run(secure, "ops", "topics")
    assert ran.returncode == 0, ran.stderr


def brokers(secure: Secure, **changed: str | None) -> Kafka:
    return settings(secure, "dashboard", **changed).brokers


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_a_user_connects_by_each_mechanism(secure: Secure, mechanism: str) -> None:
    counts = await partition_counts(brokers(secure, kafka_sasl_mechanism=mechanism))
    assert set(counts) == set(ROLES["dashboard"][0].names)


async def test_a_certificate_is_a_user_too(secure: Secure) -> None:
    folder = secure.authority.folder
    mutual: dict[str, str | None] = {
        "kafka": secure.cluster.mutual, "kafka_security": "ssl", "kafka_user": None, "kafka_password_file": None,
        "kafka_cert_file": f"{folder}/dashboard.pem", "kafka_key_file": f"{folder}/dashboard.key",
    }  # fmt: skip
    counts = await partition_counts(brokers(secure, **mutual))
    assert set(counts) == set(ROLES["dashboard"][0].names)
    # In TLS 1.3 a broker reports it only after the handshake, and may close the connection first.
    with pytest.raises((BrokerRefused, BrokerUnavailable), match=r"TLS: .*_KEY_FILE|closes the connection at once"):
        await partition_counts(brokers(secure, **{**mutual, "kafka_cert_file": None, "kafka_key_file": None}))


REFUSED: dict[str, tuple[Callable[[Secure], dict[str, str | None]], str]] = {
    "a wrong password": (
        lambda _: {"kafka_password_file": None, "kafka_password": "zxcanaryqv"},
        r"user dashboard and its password are refused \(SCRAM-SHA-512\); expected TIDEGATE_KAFKA_USER and",
    ),
    "no such user": (
        lambda _: {"kafka_user": "nobody"},
        r"user nobody and its password are refused \(SCRAM-SHA-512\)",
    ),
    "an authority that we do not trust": (
        lambda _: {"kafka_ca_file": None},
        r"TLS: .*; expected a broker that TIDEGATE_KAFKA_CA_FILE vouches for under this name",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_user_is_named_with_what_was_expected(secure: Secure, case: str) -> None:
    changed, expected = REFUSED[case]
    with pytest.raises(BrokerRefused, match=expected) as error:
        await partition_counts(brokers(secure, **changed(secure)))
    assert "zxcanary" not in str(error.value)


def test_a_worker_that_is_refused_ends(secure: Secure) -> None:
    wrong = {"TIDEGATE_KAFKA_PASSWORD_FILE": "", "TIDEGATE_KAFKA_PASSWORD": "zxcanaryqv", "TIDEGATE_HTTP_PORT": "0"}
    ended = subprocess.run(
        [sys.executable, "-m", "tidegate", "worker"], cwd=ROOT, env=environment(secure, "worker", **wrong),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "user worker and its password are refused (SCRAM-SHA-512)" in ended.stderr
    assert "zxcanary" not in ended.stderr + ended.stdout
