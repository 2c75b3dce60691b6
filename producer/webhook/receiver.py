"""The endpoint for GitHub's webhook: https://docs.github.com/en/webhooks/using-webhooks.

A request is read up to the size limit, and its signature is checked before anything in it is looked
at. It is answered with success only when Kafka has acknowledged its commits. What Kafka does not
acknowledge in time is kept on disk and answered with 503: GitHub shows the delivery as failed and
does not repeat it by itself, so it must not depend on being delivered again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from producer.commit import now_micros
from producer.webhook.inbox import Inbox, WebhookDelivery
from producer.webhook.push import PayloadInvalid, Push, read_push
from producer.webhook.rules import Rules
from producer.webhook.store import Store, StoreUnusable
from producer.webhook.throttle import Throttle

_SIGNATURE, _EVENT, _ID = "X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery"
_FORM = "application/x-www-form-urlencoded"
_RETRY_SECONDS = "30"


class PushRefused(Exception):
    """When a request is answered without looking further."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        self.status = status
        self.words = words
        super().__init__(words)


class Receiver:
    """Answers requests; everything runs in the server's event loop.

    Args:
        rules: what is accepted.
        inbox: takes what is to be sent.
        store: keeps what Kafka does not acknowledge in time.
        say: shows words to who runs the producer.
    """

    def __init__(
        self, rules: Rules, inbox: Inbox, store: Store, say: Callable[[str], None]
    ) -> None:
        self._rules = rules
        self._inbox = inbox
        self._store = store
        self._throttle = Throttle(say)
        self._sending: dict[str, asyncio.Future[bool]] = {}
        self._since: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI application, at any path, since proxies may change it."""
        response = await self._serve(Request(scope, receive))
        await response(scope, receive, send)

    async def _serve(self, request: Request) -> Response:
        if request.method == "GET":
            return _words(HTTPStatus.OK, "contractline receives GitHub's push events here by POST")
        if request.method != "POST":
            return _words(HTTPStatus.METHOD_NOT_ALLOWED, "push events come by POST")
        try:
            async with asyncio.timeout(self._rules.answer_seconds) as limit:
                body = await self._body(request)
                status, words = await self._deliver(request, body, limit.when() or 0)
        except PushRefused as refusal:
            return self._refuse(refusal)
        except StoreUnusable as problem:
            words = f"neither sent nor kept, deliver it again: {problem}"
            return self._refuse(PushRefused(HTTPStatus.SERVICE_UNAVAILABLE, words))
        except TimeoutError:
            return _words(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time")
        except ClientDisconnect:
            return _words(HTTPStatus.BAD_REQUEST, "the body did not arrive")
        return _words(status, words)

    def _refuse(self, refusal: PushRefused) -> Response:
        self._throttle.say(refusal.words, f"answered {refusal.status}: {refusal.words}")
        return _words(refusal.status, refusal.words)

    async def _body(self, request: Request) -> bytes:
        """Return the body, once it is known who sent it."""
        most = self._rules.most_bytes
        too_large = PushRefused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {most:,} bytes"
        )
        length = request.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > most:
            raise too_large
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise too_large
        if not self._is_signed(body, request.headers.get(_SIGNATURE, "")):
            problem = "does not match the secret" if _SIGNATURE in request.headers else "is missing"
            raise PushRefused(HTTPStatus.UNAUTHORIZED, f"the signature in {_SIGNATURE} {problem}")
        return bytes(body)

    def _is_signed(self, body: bytearray, signature: str) -> bool:
        given = signature.encode("latin-1", "replace")
        expected = [
            f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}".encode()
            for secret in self._rules.secrets
        ]
        # Compare with every secret, so that the time does not tell which one fits.
        return sum(hmac.compare_digest(given, one) for one in expected) > 0

    async def _deliver(
        self, request: Request, body: bytes, deadline: float
    ) -> tuple[HTTPStatus, str]:
        event = request.headers.get(_EVENT)
        if not event:
            raise PushRefused(HTTPStatus.BAD_REQUEST, f"the header {_EVENT} is missing")
        if event == "ping":
            return HTTPStatus.OK, "the webhook is set up: push events are received here"
        if event != "push":
            return HTTPStatus.OK, f"{event} events are not used here: push alone is enough"
        body = _json_part(body, request.headers.get("Content-Type", ""))
        # GitHub gives each delivery an id, and the same one when it delivers again.
        delivery_id = request.headers.get(_ID) or hashlib.sha256(body).hexdigest()
        if self._store.is_acknowledged(delivery_id):
            return HTTPStatus.OK, f"delivery {delivery_id} was received before"
        push = self.read(body)
        if push.unused:
            return HTTPStatus.OK, push.unused
        return await self._send(delivery_id, push, body, deadline)

    def read(self, body: bytes) -> Push:
        """Return what the body of a push event says.

        Raises:
            Refused: it is not a push event.
        """
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError) as problem:
            raise PushRefused(
                HTTPStatus.BAD_REQUEST, f"the body is not JSON: {problem}"
            ) from problem
        try:
            return read_push(payload, self._rules.choice, self._rules.names, now_micros())
        except PayloadInvalid as problem:
            raise PushRefused(HTTPStatus.BAD_REQUEST, f"not a push event: {problem}") from problem

    async def _send(
        self, delivery_id: str, push: Push, body: bytes, deadline: float
    ) -> tuple[HTTPStatus, str]:
        sent = self._sending.get(delivery_id)
        if sent is None and not self._is_stuck():
            sent = self._hand_over(delivery_id, push, len(body))
        acknowledged = False
        if sent is not None:
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait([sent], timeout=left * 0.9)
            acknowledged = bool(done) and sent.result()
        if acknowledged:
            return HTTPStatus.OK, _received(push)
        await asyncio.to_thread(self._store.keep, delivery_id, body)
        raise PushRefused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Kafka has not acknowledged it yet; it is kept on disk and will be sent",
        )

    def _is_stuck(self) -> bool:
        """Tell whether Kafka has acknowledged nothing for so long that waiting would only pile up.

        Then a delivery is kept on disk at once: at many pushes a second, as many connections as
        come in the whole time to answer would be too many to hold.
        """
        oldest = next(iter(self._since.values()), None)
        now = asyncio.get_running_loop().time()
        return oldest is not None and now - oldest > self._rules.stuck_seconds

    def _hand_over(self, delivery_id: str, push: Push, size: int) -> asyncio.Future[bool] | None:
        """Put a delivery into the inbox; return None when there is no room in it."""
        loop = asyncio.get_running_loop()
        sent: asyncio.Future[bool] = loop.create_future()
        sent.add_done_callback(lambda _: self._forget(delivery_id))

        def answer(acknowledged: bool) -> None:
            loop.call_soon_threadsafe(sent.set_result, acknowledged)

        if not self._inbox.put(WebhookDelivery(delivery_id, push, size, answer)):
            return None
        self._sending[delivery_id] = sent
        self._since[delivery_id] = loop.time()
        return sent

    def _forget(self, delivery_id: str) -> None:
        self._sending.pop(delivery_id, None)
        self._since.pop(delivery_id, None)


def _json_part(body: bytes, content_type: str) -> bytes:
    """Return the JSON of a body; GitHub can send it as a field of a form."""
    if content_type.partition(";")[0].strip().lower() != _FORM:
        return body
    try:
        return parse_qs(body.decode(), strict_parsing=True)["payload"][0].encode()
    except (ValueError, KeyError) as problem:
        raise PushRefused(HTTPStatus.BAD_REQUEST, "the form has no field 'payload'") from problem


def _received(push: Push) -> str:
    number = len(push.records)
    return f"{number:,} commit{'' if number == 1 else 's'} of {push.repository} {push.ref} received"


def _words(status: HTTPStatus, words: str) -> Response:
    headers = {"Retry-After": _RETRY_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return PlainTextResponse(f"{words}\n", status, headers)
