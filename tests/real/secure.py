"""One Apache Kafka broker and one Redis as in production: TLS, users with passwords, and no access without an ACL.

Kafka has three listeners: CLIENT (SASL_SSL: SCRAM, and PLAIN), PROXIED (TLS with a client certificate), and INSIDE
(plain, for the broker itself and for the tests, as a super user).
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis

from tests.real import acls
from tests.real.cluster import Cluster
from tests.real.jars import RealServersMissing
from tests.real.stack import redis_server
from tidegate.streams.embedded.server import HOST, EmbeddedError, Server, Servers
from tidegate.streams.embedded.stack import store_arguments
from tidegate.streams.settings.roles import REDIS, ROLES, redis_acl

USERS = (*ROLES, "stranger")  # a user of each role, named as it, and one without any right
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def openssl() -> str:
    """The `openssl` to make certificates with. Raises RealServersMissing."""
    path = shutil.which("openssl")
    if path is None:
        raise RealServersMissing("no `openssl` on PATH; expected it, to make certificates", "openssl")
    return path


class Authority:
    """Signs certificates, all of them in one folder: `NAME.pem`, its key `NAME.key`, both in `NAME.both`."""

    def __init__(self, folder: Path) -> None:
        self._openssl, self.folder = openssl(), folder
        folder.mkdir()
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a test's authority",
                  "-keyout", "ca.key", "-out", "ca.pem")  # fmt: skip

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def sign(self, name: str, at: str = f"IP:{HOST},DNS:localhost") -> Path:
        """Signs a certificate for that name, valid at those addresses."""
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={at}",
                  "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-days", "2", "-copy_extensions", "copy", "-out", f"{name}.pem")  # fmt: skip
        both = self.folder / f"{name}.both"
        both.write_bytes((self.folder / f"{name}.key").read_bytes() + (self.folder / f"{name}.pem").read_bytes())
        return self.folder / f"{name}.pem"

    def _run(self, *arguments: str) -> None:
        ran = subprocess.run([self._openssl, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"openssl {' '.join(arguments)}: {ran.stderr}")


class SecureCluster(Cluster):
    """One broker that requires TLS and a user."""

    def __init__(self, root: Path, authority: Authority, passwords: Mapping[str, str]) -> None:
        self._authority, self._passwords = authority, passwords
        super().__init__(root, brokers=1)

    @property
    def inside(self) -> str:
        """The address without authentication, where everything is allowed."""
        return f"{HOST}:{self._inside[0]}"

    @property
    def mutual(self) -> str:
        """The address where the client certificate is the user."""
        return f"{HOST}:{self._behind[0]}"

    def _format(self) -> list[str]:
        """SCRAM's users: they must exist before the first login."""
        return [
            argument
            for user, password in self._passwords.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for argument in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
        ]

    def _properties(self, n: int, port: int, directory: Path) -> Mapping[str, Any]:
        plain = " ".join(f'user_{user}="{password}"' for user, password in self._passwords.items())
        stores = {"keystore": self._authority.folder / "broker.both", "truststore": self._authority.ca}
        return {
            **super()._properties(n, port, directory),
            "advertised.listeners": f"CLIENT://{HOST}:{port},PROXIED://{self.mutual},INSIDE://{self.inside}",
            "listener.security.protocol.map": "CLIENT:SASL_SSL,PROXIED:SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            "listener.name.client.scram-sha-256.sasl.jaas.config": _SCRAM,
            "listener.name.client.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.client.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {plain};"
            ),
            **{f"ssl.{name}.type": "PEM" for name in stores},
            **{f"ssl.{name}.location": path for name, path in stores.items()},
            "listener.name.proxied.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # only INSIDE and CONTROLLER accept it
        }

    def _seen(self, port: int) -> int:
        return super()._seen(self._inside[0])


class SecureRedis:
    """A redis-server with TLS only, and the users of `streams/settings/roles.py` and no other."""

    def __init__(self, root: Path, authority: Authority, passwords: Mapping[str, str]) -> None:
        self._authority, self._passwords = authority, passwords
        self._server = Server("redis", redis_server(), self._arguments, self._answers, root)

    def start(self) -> None:
        """Raises RealServersMissing where this redis-server was built without TLS."""
        try:
            self._server.start()
        except EmbeddedError as error:
            if re.search(r"(?i)bad directive|connection type tls", str(error)):
                raise RealServersMissing("redis-server is built without TLS; expected the distribution's") from error
            raise

    def stop(self) -> None:
        self._server.kill()

    @property
    def url(self) -> str:
        return f"rediss://{HOST}:{self._server.port}/0"

    def client(self) -> redis.Redis:
        """A client of the user `default`, which may do everything."""
        return redis.Redis(
            host=HOST, port=self._server.port, password=self._passwords["admin"], ssl=True,
            ssl_ca_certs=str(self._authority.ca), decode_responses=True,
        )  # fmt: skip

    def _arguments(self, port: int, directory: Path) -> list[str]:
        users = [f"user default on ~* &* +@all >{self._passwords['admin']}"]
        for user in REDIS:
            name, *rules = redis_acl(user, user)
            users.append(f"user {name} {' '.join(rules)} >{self._passwords[user]}")
        (directory / "users.acl").write_text("\n".join(users) + "\n")
        folder = self._authority.folder
        arguments = store_arguments(0, directory, appendonly=True)
        arguments += ["--tls-port", str(port), "--tls-auth-clients", "no", "--aclfile", str(directory / "users.acl")]
        arguments += ["--tls-cert-file", str(folder / "broker.pem"), "--tls-key-file", str(folder / "broker.key")]
        return [*arguments, "--tls-ca-cert-file", str(self._authority.ca)]

    def _answers(self, port: int, pid: int) -> bool:
        try:
            with redis.Redis(
                host=HOST, port=port, password=self._passwords["admin"], ssl=True,
                ssl_ca_certs=str(self._authority.ca), socket_timeout=1,
            ) as client:  # fmt: skip
                return int(client.info("server")["process_id"]) == pid
        except redis.RedisError:
            return False


class Secure(Servers):
    """SecureCluster and SecureRedis, from `with` to its end."""

    def __init__(self) -> None:
        """Raises RealServersMissing."""
        self.root = Path(tempfile.mkdtemp(prefix="tidegate-secure-"))
        self.passwords = {user: f"zxcanary{user}{secrets.token_hex(8)}qv" for user in (*USERS, "admin")}
        self.user_key = f"zxcanarykey{secrets.token_hex(16)}qv"
        self.authority = Authority(self.root / "certificates")
        for name in ("broker", *USERS):
            self.authority.sign(name)
        self.cluster = SecureCluster(self.root, self.authority, self.passwords)
        self.redis = SecureRedis(self.root, self.authority, self.passwords)

    def _start(self) -> None:
        self.redis.start()
        self.cluster.start()

    def stop(self) -> None:
        self.cluster.stop()
        self.redis.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def grant(self) -> None:
        """Grants each role's user the rights of its role."""
        for role, rights in ROLES.items():
            acls.grant(self.cluster.inside, role, rights)

    def kafka_acls(self, arguments: list[str]) -> None:
        """Runs `kafka-acls.sh` with these arguments."""
        self.cluster.tool(
            "org.apache.kafka.tools.AclCommand", "--bootstrap-server", self.cluster.inside, *arguments, "--force"
        )

    def env(self, user: str) -> dict[str, str]:
        """The TIDEGATE_ variables of that user's process. Passwords are in files."""
        files = {}
        for name, secret in {"kafka": self.passwords[user], "user": self.user_key}.items():
            files[name] = self.root / f"{user}.{name}"
            files[name].write_text(f"{secret}\n")
        store = user if user in REDIS else "worker"  # neither a producer nor `serve` connects
        return {
            "TIDEGATE_KAFKA": self.cluster.bootstrap,
            "TIDEGATE_KAFKA_SECURITY": "SASL_SSL",
            "TIDEGATE_KAFKA_USER": user,
            "TIDEGATE_KAFKA_PASSWORD_FILE": str(files["kafka"]),
            "TIDEGATE_KAFKA_CA_FILE": str(self.authority.ca),
            "TIDEGATE_REDIS": self.redis.url,
            "TIDEGATE_REDIS_USER": store,
            "TIDEGATE_REDIS_PASSWORD": self.passwords[store],
            "TIDEGATE_REDIS_CA_FILE": str(self.authority.ca),
            "TIDEGATE_USER_KEY_FILE": str(files["user"]),
            "TIDEGATE_REPLICATION": "1",
            "TIDEGATE_PARTITIONS": "2",
            "TIDEGATE_SESSION_TIMEOUT_S": "6",
            "TIDEGATE_HEARTBEAT_S": "2",
        }
