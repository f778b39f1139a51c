"""A client of `tidegate serve`, as OpenAI's: it asks before an answer is shown, and tries again where it is told to."""

from __future__ import annotations

import http.client
import time
from http import HTTPStatus

TIMEOUT_S = 15.0  # more than `serve` takes for its own 503
TRIES = 3  # as OpenAI's client: the first, and two more
AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)  # and every 5xx
WAIT_S = 0.5  # between two, where the answer does not say how long


class HttpClient:
    """Asks with one API key. answered: the ids of decisions that a 200 promises; not_200: tries without one."""

    def __init__(self, port: int, secret: str) -> None:
        self._port, self._secret = port, secret
        self.answered: list[str] = []
        self.not_200 = 0
        self.given_up = 0

    def ask(self, body: bytes) -> str | None:
        """Returns the id of the decision, None where no try got a 200. It blocks: call it in a thread."""
        for left in reversed(range(TRIES)):
            wait_s: float | None = WAIT_S
            try:
                status, headers = self._post(body)
            except (OSError, http.client.HTTPException):
                pass
            else:
                if status == HTTPStatus.OK:
                    # `serve` gives each request an id, which is its decision's too (docs/how-to/serve.md).
                    self.answered.append(id := f"http-{headers['x-request-id']}")
                    return id
                wait_s = _wait_s(status, headers)
            self.not_200 += 1
            if wait_s is None or not left:
                break
            time.sleep(wait_s)
        self.given_up += 1
        return None

    def _post(self, body: bytes) -> tuple[int, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._secret}"}
            connection.request("POST", "/v1/moderations", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            connection.close()


def _wait_s(status: int, headers: http.client.HTTPMessage) -> float | None:
    """Returns how long to wait before the next try; None: another try would be refused too."""
    if status not in AGAIN and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    return int(headers.get("retry-after-ms", WAIT_S * 1000)) / 1000
