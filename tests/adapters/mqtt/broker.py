"""A real broker on loopback, Debian's mosquitto, as the tests need it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_ports

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
OPENSSL, PASSWD = shutil.which("openssl"), shutil.which("mosquitto_passwd")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
needs_password = pytest.mark.skipif(
    MOSQUITTO is None or PASSWD is None or OPENSSL is None, reason="mosquitto_passwd or openssl is not installed"
)


class Mosquitto:
    """A broker that can be stopped and started again; with `user`, only that one may log in, over TLS."""

    def __init__(self, folder: Path, user: str = "", password: str = "") -> None:
        (self.port,) = free_ports(1)
        self.folder, self.ca = folder, folder / "ca.crt"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_type all", "user root"]
        if user:
            lines += self._secured(user, password)
        else:
            lines.append("allow_anonymous true")
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")

    def _secured(self, user: str, password: str) -> list[str]:
        assert PASSWD is not None
        assert OPENSSL is not None
        passwords, key, cert = self.folder / "passwords", self.folder / "broker.key", self.folder / "broker.crt"
        subprocess.run([PASSWD, "-b", "-c", str(passwords), user, password], check=True, capture_output=True)
        passwords.chmod(0o600)
        request = ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-subj", "/CN=localhost"]
        alternative = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        command = [OPENSSL, *request, "-x509", "-days", "2", "-out", str(cert), *alternative]
        subprocess.run(command, check=True, capture_output=True)
        shutil.copy(cert, self.ca)
        return ["allow_anonymous false", f"password_file {passwords}", f"certfile {cert}", f"keyfile {key}"]

    def start(self) -> None:
        assert MOSQUITTO is not None
        log = (self.folder / "broker.log").open("ab")
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log)
        log.close()
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.folder / "broker.log").read_text())

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)


@contextmanager
def mosquitto(folder: Path, user: str = "", password: str = "") -> Iterator[Mosquitto]:
    """A broker that runs."""
    broker = Mosquitto(folder, user, password)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
