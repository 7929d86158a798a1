"""The server: its answers are those of the commands, and what it refuses."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from seqtrain.errors import ServingError
from seqtrain.serving import answers, app, guard, server, sizes
from tests.conftest import Outcome
from tests.factories.served import served_run, wave

pytestmark = pytest.mark.tf
Seqtrain = Callable[..., Outcome]
KINDS = ("texts", "pictures", "sequences", "writing", "translation", "series")
TOKEN = "a-token-of-this-test"
JSON = {"content-type": "application/json"}
DRAWN = [[16.0 * (row == column) for column in range(8)] for row in range(8)]


class Service:
    """A run with its application, without a network between."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.run = served_run(folder, kind)
        created = app.create(answers.of_run(self.run), None, guard.LOOPBACK)
        self.client = TestClient(created, "http://localhost", raise_server_exceptions=False)

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(path, json=body)

    def ask(self, path: str, body: Any) -> Any:
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Service]:
    """Return the service of a kind, made once."""
    made: dict[str, Service] = {}

    def service(kind: str) -> Service:
        if kind not in made:
            made[kind] = Service(tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    return service


def rows(outcome: Outcome) -> list[Any]:
    assert outcome.exit_code == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def shown(outcome: Outcome) -> Any:
    assert outcome.exit_code == 0, outcome.stderr
    return {key: value for key, value in json.loads(outcome.stdout).items() if key != "files"}


def close(found: Any, wanted: Any) -> None:
    """Compare JSON; numbers may be rounded as batches of other sizes are."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            close(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            close(one, other)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    else:
        assert found == wanted


# Each task


def test_texts_are_answered_as_by_the_commands(services: Any, seqtrain: Seqtrain) -> None:
    service = services("texts")
    texts = ["I never thought it was dull.", "a great plot", "xyzzy"]
    found = service.ask("/predict", {"texts": texts})["predictions"]
    close(found, rows(seqtrain("predict", service.run.folder, *texts, "--format", "jsonl")))
    found = service.ask("/explain", {"text": texts[0]})
    wanted = shown(seqtrain("explain", service.run.folder, texts[0], "--json"))
    close(found, wanted)
    assert "gates" not in service.ask("/explain", {"text": texts[0], "gates": False})


def test_pictures_are_answered_as_by_the_commands(services: Any, seqtrain: Seqtrain) -> None:
    service = services("pictures")
    np.savez("x.npz", x=np.array([DRAWN, np.zeros((8, 8))]))
    found = service.ask("/predict", {"examples": [DRAWN, np.zeros((8, 8)).tolist()]})
    given = ("--data", "x.npz")
    wanted = rows(seqtrain("predict", service.run.folder, *given, "--format", "jsonl"))
    close(found["predictions"], wanted)
    found = service.ask("/explain", {"example": DRAWN})
    wanted = shown(seqtrain("explain", service.run.folder, *given, "--example", "1", "--json"))
    close(found, wanted | {"example": "example"})


def test_sequences_of_any_length_are_answered(services: Any, seqtrain: Seqtrain) -> None:
    service = services("sequences")
    examples = [[[0.5, 1], [0.25, 2]], [[1, 2], [3, 4], [5, 6]]]
    np.savez("x.npz", values=np.array([*examples[0], *examples[1]]), lengths=np.array([2, 3]))
    wanted = rows(seqtrain("predict", service.run.folder, "--data", "x.npz", "--format", "jsonl"))
    close(service.ask("/predict", {"examples": examples})["predictions"], wanted)
    for wrong in ([[1.0]], [[1.0, 2.0], [3.0]], [[1e300, 1.0]], [1.0, 2.0]):
        answer = service.post("/predict", {"examples": [wrong]})
        assert answer.status_code == 422, wrong
        assert answer.json()["error"]


def test_a_text_is_written_as_by_the_command(services: Any, seqtrain: Seqtrain) -> None:
    service = services("writing")
    body = {"beginning": "the ", "length": 12, "seed": 3, "texts": 2}
    command = ("generate", service.run.folder, "the ", "--length", "12", "--seed", "3", "-n", "2")
    found = service.ask("/generate", body)["texts"]
    assert found == rows(seqtrain(*command, "--format", "jsonl"))
    body = {**body, "texts": 1, "stream": True}
    lines = [json.loads(line) for line in service.post("/generate", body).text.splitlines()]
    assert "the " + "".join(line["piece"] for line in lines) == found[0]["text"]
    stopped = service.ask("/generate", {"length": 200, "stop": "a"})["texts"][0]["text"]
    assert stopped.index("a") == len(stopped) - 1
    wanted = rows(seqtrain("predict", service.run.folder, "th", "--format", "jsonl"))
    assert service.ask("/predict", {"texts": ["th"]})["predictions"] == wanted
    wanted = shown(seqtrain("explain", service.run.folder, "the cat", "--json"))
    assert service.ask("/explain", {"text": "the cat"}) == wanted


def test_translations_are_those_of_the_command(services: Any, seqtrain: Seqtrain) -> None:
    service = services("translation")
    texts = ["1+2", "35+4", ""]
    found = service.ask("/translate", {"texts": texts})["translations"]
    close(found, rows(seqtrain("translate", service.run.folder, *texts, "--format", "jsonl")))
    beams = ("--beams", "3", "-n", "2", "--format", "jsonl")
    found = service.ask("/translate", {"texts": texts[:1], "beams": 3, "number": 2})
    close(found["translations"], rows(seqtrain("translate", service.run.folder, "1+2", *beams)))
    close(
        service.ask("/explain", {"text": "1+2"}),
        shown(seqtrain("explain", service.run.folder, "1+2", "--json")),
    )
    wanted = rows(seqtrain("predict", service.run.folder, "1+2", "--format", "jsonl"))
    close(service.ask("/predict", {"texts": ["1+2"]})["predictions"], wanted)
    assert service.post("/translate", {"texts": ["1"], "number": 2}).status_code == 422


def test_series_are_forecast_as_by_the_command(services: Any, seqtrain: Seqtrain) -> None:
    service = services("series")
    wanted = rows(seqtrain("forecast", service.run.folder, "--steps", "5", "--format", "jsonl"))
    close(service.ask("/forecast", {"steps": 5})["forecasts"], wanted)
    newer = [{"month": f"2001-{n + 1:02}", "value": v} for n, v in enumerate(wave()[:12])]
    Path("rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in newer))
    given = ("--data", "rows.jsonl")
    wanted = rows(seqtrain("forecast", service.run.folder, *given, "--format", "jsonl"))
    close(service.ask("/forecast", {"rows": newer})["forecasts"], wanted)
    wanted = shown(seqtrain("explain", service.run.folder, *given, "--json"))
    close(service.ask("/explain", {"rows": newer}), wanted)
    wanted = shown(seqtrain("explain", service.run.folder, "--example", "2", "--json"))
    close(service.ask("/explain", {"example": 2}), wanted)
    answer = service.post("/forecast", {"rows": [{"month": "soon", "value": 1}]})
    assert answer.status_code == 422
    assert "rows:" in answer.json()["error"]
    assert "/" not in answer.json()["error"].replace("/tmp", "/")  # no path of this machine


@pytest.mark.parametrize("kind", KINDS)
def test_the_description_is_of_the_run_that_is_served(kind: str, services: Any) -> None:
    service = services(kind)
    described = service.client.get("/openapi.json").json()
    facts = service.client.get("/run").json()
    assert facts["kind"] == kind
    paths = {f"/{name}" for name in facts["operations"]}
    assert described["paths"].keys() == paths | {"/health", "/run"}
    for path in paths:
        operation = described["paths"][path]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        found = {key: one for key, one in service.ask(path, example).items() if one is not None}
        close(found, operation["responses"]["200"]["content"]["application/json"]["example"])
    absent = {"/predict", "/explain", "/generate", "/translate", "/forecast"} - paths
    for path in absent:
        answer = service.post(path, {})
        assert answer.status_code == 404
        assert f"has no {path}" in answer.json()["error"]
        assert "it has POST" in answer.json()["hint"]
    assert service.client.get("/explain").status_code == 405


# What is refused


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b'{"texts": "a"}', 422),
        (b'{"texts": []}', 422),
        (b'{"texts": [1]}', 422),
        (b'{"texts": [NaN]}', 422),
        (b'{"texts": ["\\ud800"]}', 422),
        (b'{"texts": ["a"], "text": 1}', 422),
        (b'{"texts": ["a"], "\\ud800": 1}', 422),
        (b'{"texts": [' + b'"a",' * sizes.EXAMPLES + b'"a"]}', 422),
        (b'{"texts": [' + b"1" * 5_000 + b"]}", 400),
        (json.dumps({"texts": ["a" * (sizes.CHARACTERS + 1)]}).encode(), 422),
        (b" " * (sizes.BYTES + 1), 413),
    ],
)
def test_a_wrong_body_is_an_error_of_the_client(content: bytes, status: int, services: Any) -> None:
    service = services("texts")
    answer = service.client.post("/predict", content=content, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"error", "hint"}
    assert service.ask("/predict", {"texts": ["still there"]})


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": -1},
        {"temperature": True},
        {"length": sizes.TOKENS + 1},
        {"length": 1.5},
        {"texts": sizes.WRITTEN + 1},
        {"top_p": 0},
        {"seed": -1},
    ],
)
def test_a_number_out_of_range_is_refused(body: Any, services: Any) -> None:
    answer = services("writing").post("/generate", body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(next(iter(body)))


def test_numbers_that_are_not_finite_are_refused(services: Any) -> None:
    service = services("pictures")
    for number in ("NaN", "Infinity", "1e300", "1e400"):
        content = json.dumps({"examples": [DRAWN]}).replace("16.0", number)
        answer = service.client.post("/predict", content=content.encode(), headers=JSON)
        assert answer.status_code == 422, number
    assert service.post("/predict", {"examples": [[[1.0] * 7]]}).status_code == 422


def test_a_body_is_json_of_a_given_length(services: Any) -> None:
    client = services("texts").client
    for kind in ("text/plain", "application/json; charset=latin-1", ""):
        answer = client.post("/predict", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415
    assert client.post("/predict", content=iter([b"{}"]), headers=JSON).status_code == 411


def test_another_name_of_this_machine_is_refused(services: Any) -> None:
    client = services("texts").client
    for host, status in (
        ("localhost:80", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("", 403),
    ):
        assert client.get("/run", headers={"host": host}).status_code == status, host


def test_a_token_is_asked_for(services: Any) -> None:
    served = answers.of_run(services("writing").run)
    client = TestClient(app.create(served, TOKEN, None))
    assert client.get("/health").status_code == client.get("/").status_code == 200
    for given, status in ((TOKEN, 200), ("", 401), (TOKEN[:-1], 401), (f"{TOKEN}x", 401)):
        headers = {"authorization": f"Bearer {given}"}
        assert client.get("/run", headers=headers).status_code == status
        assert client.post("/predict", headers=headers, json={"texts": ["a"]}).status_code == status
    assert client.get("/openapi.json").status_code == 401
    described = client.get("/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert described["security"] == [{"token": []}]


def test_too_many_requests_are_told_to_wait(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "WAITING", 0)
    answer = services("texts").post("/predict", {"texts": ["a"]})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_a_bug_is_an_error_and_the_next_request_is_answered(
    services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = services("texts")
    with monkeypatch.context() as patched:
        patched.setattr("seqtrain.inference.network.described", lambda *_: 1 / 0)
        answer = service.post("/predict", {"texts": ["a"]})
        assert answer.status_code == 500
        assert answer.json()["error"] == "the server failed"
    assert service.ask("/predict", {"texts": ["a"]})


# Many at once


def test_no_answer_is_mixed_up(services: Any) -> None:
    service = services("texts")
    texts = [
        " ".join(["never", "great", "dull", "plot", "I"][: n % 5 + 1] * (n % 7)) for n in range(60)
    ]
    alone = {text: service.ask("/predict", {"texts": [text]})["predictions"] for text in texts}
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda text: service.ask("/predict", {"texts": [text]}), texts * 3))
    for text, one in zip(texts * 3, found, strict=True):
        close(one["predictions"], alone[text])


def test_one_wrong_request_does_not_harm_those_beside_it(services: Any) -> None:
    service = services("sequences")
    bodies = [{"examples": [[[1.0] * (1 + n % 2)]]} for n in range(20)]
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda body: service.post("/predict", body).status_code, bodies))
    assert found == [422, 200] * 10


# The address and the process


def test_only_this_machine_is_served_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("0.0.0.0", "::"):
        with pytest.raises(ServingError, match="a token is needed"):
            server.bind(host, 0, None)
    with server.bind("0.0.0.0", 0, TOKEN) as listening:
        assert server.url(listening).startswith("http://0.0.0.0:")
    with server.bind("127.0.0.1", 0, None) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ServingError, match=f"port {port} is in use"):
            server.bind("127.0.0.1", port, None)
    with pytest.raises(ServingError, match="cannot be had"):
        server.bind("203.0.113.1", 0, TOKEN)
    monkeypatch.setenv(server.TOKEN, "short")
    with pytest.raises(ServingError, match="at least 16"):
        server.token_of(None)
    Path("token").write_text(f"{TOKEN}\n")
    assert server.token_of(Path("token")) == TOKEN
    with pytest.raises(ServingError, match="nowhere"):
        server.token_of(Path("nowhere"))


def test_a_port_in_use_is_one_error(services: Any, seqtrain: Seqtrain) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = seqtrain("serve", services("texts").run.folder, "--port", port)
    assert outcome.exit_code == 2
    assert f"error: port {port} is in use" in outcome.stderr
    assert "hint: choose another, or a free one: `--port 0`" in outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_after_what_is_in_flight(number: int, code: int, services: Any) -> None:
    with serving(services("writing").run.folder) as (process, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            body = b'{"length": 500, "stream": true}'
            client.sendall(
                b"POST /generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )
            found = client.recv(1000)
            process.send_signal(number)
            while more := client.recv(65_536):
                found += more
        assert found.count(b'"piece"') == 500
        assert process.wait(60) == code


COMMAND = """
import signal
from seqtrain.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
main()
"""


class serving:  # noqa: N801 - read as a word
    """A server in a process of its own: with its port, and ended at last."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", COMMAND, "serve", str(folder), "--port", "0"]
        pipe = subprocess.PIPE
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(command, stdout=pipe, env=environment, text=True)

    def __enter__(self) -> tuple[Any, int]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        return self.process, int(line.rpartition(":")[2])

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
