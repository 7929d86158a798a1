"""The application: the operations of a run as routes, and its OpenAPI description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response

from seqtrain import __version__
from seqtrain.display.sentences import listed
from seqtrain.errors import SeqtrainError
from seqtrain.serving import browser_page, sizes
from seqtrain.serving.answer_schema import schema_of
from seqtrain.serving.answers.base import Operation, Served
from seqtrain.serving.answers.writing_answers import written
from seqtrain.serving.guard import Guard
from seqtrain.serving.model_thread import Busy, ModelThread, Writing
from seqtrain.serving.problems import Json, encoded, invalid, problem

LINES = "application/x-ndjson"
MEANINGS = {
    400: "The body is not JSON",
    401: "The token is missing or wrong",
    411: "The body has no Content-Length",
    413: f"The body has more than {sizes.BYTES:,} bytes",
    415: "The body is not declared as JSON",
    422: "A value is wrong, or does not fit the network",
    503: "Too many requests wait",
}


class Problem(BaseModel):
    """What is wrong, and what to do."""

    error: str
    hint: str | None


def create(served: Served, token: str | None, hosts: tuple[str, ...] | None) -> FastAPI:
    """Return the application of a run; each operation answers its sample first.

    Args:
        served: the run.
        token: see `Guard`.
        hosts: see `Guard`.
    """
    name = served.run.label
    app = FastAPI(
        title=f"seqtrain: {name}",
        summary=f"The network of `{name}`, which {served.does}.",
        version=__version__,
        docs_url=None,  # their scripts would come from a network
        redoc_url=None,
        middleware=[Middleware(Guard, token=token, hosts=hosts)],
    )
    thread = ModelThread()
    for operation in served.operations:
        _add(app, operation, thread, token)
    _add_facts(app, served)
    _add_errors(app, served)
    if token:
        _require_token(app)
    return app


def _add(app: FastAPI, operation: Operation, thread: ModelThread, token: str | None) -> None:
    """Add the route of an operation."""

    async def endpoint(body: Any) -> Response:
        if operation.writes:
            return await _write(thread, operation, body)
        return _sent(await asyncio.wrap_future(thread.ask(operation, body)))

    endpoint.__annotations__["body"] = operation.body
    ok: dict[str, Any] = {"description": "The answer"}
    if operation.sample is not None:
        (answer,) = operation.answers([operation.body.model_validate(operation.sample)])
        if not isinstance(answer, SeqtrainError):
            sample = {"schema": schema_of(answer), "example": answer}
            ok["content"] = {"application/json": sample}
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": meaning}
        for status, meaning in MEANINGS.items()
        if token or status != 401
    }
    body = {"content": {"application/json": {"example": operation.sample}}}
    app.post(
        f"/{operation.name}",
        summary=operation.summary,
        operation_id=operation.name,
        response_class=Json,
        responses={200: ok, **problems},
        openapi_extra={"requestBody": body} if operation.sample is not None else None,
    )(endpoint)


def _sent(answer: Any) -> Response:
    try:
        return Json(answer)
    except ValueError:
        return problem(422, "the answer is not a finite number", "give smaller numbers")


async def _write(thread: ModelThread, operation: Operation, body: Any) -> Response:
    """Answer with tokens, as they are written or when all are."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Queue[Any]()
    tokens = operation.writes(body) if operation.writes else iter(())

    def deliver(token: Any) -> None:
        loop.call_soon_threadsafe(arrived.put_nowait, token)

    writing = thread.write(tokens, deliver)
    if not body.stream:
        return _sent(written(body, [token async for token in _arriving(writing, arrived)]))

    async def lines() -> AsyncIterator[bytes]:
        async for one in _arriving(writing, arrived):
            yield encoded(vars(one)) + b"\n"

    return StreamingResponse(lines(), media_type=LINES)


async def _arriving(writing: Writing, arrived: asyncio.Queue[Any]) -> AsyncIterator[Any]:
    """Yield the tokens of a text; if the client is gone, it is not written on."""
    try:
        while (token := await arrived.get()) is not None:
            if isinstance(token, Exception):
                raise token
            yield token
    finally:
        writing.stopped = True


def _add_facts(app: FastAPI, served: Served) -> None:
    """Add what tells of the run."""
    page = browser_page.page()

    @app.get("/health", summary="Tell that the server answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/run", summary="Tell what is served")
    async def run() -> dict[str, Any]:
        return {
            "run": served.run.label,
            "task": served.run.task.name,
            "kind": served.kind,
            "operations": [one.name for one in served.operations],
            **served.facts,
        }

    @app.get("/", include_in_schema=False)
    async def browser() -> HTMLResponse:
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})


def _add_errors(app: FastAPI, served: Served) -> None:
    """Turn every error into JSON."""
    has = listed([f"POST /{one.name}" for one in served.operations], "and")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        path, status = request.url.path, error.status_code
        if status == 404:
            said = f"`{served.run.label}` {served.does}, and has no {path[:80]}"
            return problem(404, said, f"it has {has}; GET /openapi.json describes them")
        if status == 405:
            allowed = (error.headers or {}).get("Allow", "POST")
            return problem(405, f"{path} is not for {request.method}", f"send {allowed} {path}")
        return problem(status, "the body is not JSON", "it may be nested too deeply")

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        return problem(*invalid(list(error.errors())))

    @app.exception_handler(SeqtrainError)
    async def unfit(request: Request, error: SeqtrainError) -> Response:
        return problem(422, error.message, error.hint)

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> Response:
        return problem(503, "too many requests wait", "send it again later")

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return problem(500, "the server failed", "its log has the traceback")


def _require_token(app: FastAPI) -> None:
    """Add the token to the description."""
    described = app.openapi()
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    described.setdefault("components", {})["securitySchemes"] = schemes
    described["security"] = [{"token": []}]
    described["paths"]["/health"]["get"]["security"] = []
