"""Ask a server of a run of texts as many clients at once, and check every answer.

`python -m benchmarks.serving RUN` starts `seqtrain serve`, and asks it for the predictions of test
examples of the run, one in each request. They must be those of `seqtrain predict`.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import described
from seqtrain.data.vocabulary import OOV
from seqtrain.runs import lookup

TOLERANCE = 1e-5  # of a probability: in batches of other sizes sums are rounded differently


def main() -> None:
    """Print a table of the answers of a server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    texts = texts_of(given.run)
    expected = dict(zip(texts, predicted(given.run, texts), strict=True))
    command = [sys.executable, "-m", "seqtrain", "serve", given.run, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().rpartition(":")[2]) if server.stdout else 0
        asyncio.run(ask(port, texts[:1], expected, 1, 2))
        found = asyncio.run(ask(port, texts, expected, given.clients, given.seconds))
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait()
    times = np.array(found["seconds"]) * 1000
    print(f"{described()}\n")
    print("| clients | seconds | requests/s | p50 | p99 | largest | errors | wrong answers |")
    print("|---|---|---|---|---|---|---|---|")
    p50, p99 = np.percentile(times, [50, 99])
    rate = len(times) / found["wall"]
    print(
        f"| {given.clients} | {found['wall']:.1f} | {rate:,.0f} | {p50:.0f} ms | {p99:.0f} ms "
        f"| {times.max():.0f} ms | {found['errors']} | {found['wrong']} |"
    )
    print(f"\n{len(times):,} answers; the server ended with exit code {code}")


def texts_of(name: str) -> list[str]:
    """Return up to 2,000 different texts of the test examples of a run."""
    run = lookup.best(Path(name))
    vocabulary = run.fitted().vocabulary
    if vocabulary is None:
        raise SystemExit(f"{name} reads no texts")
    rows = run.config.dataset.load().test.first[:2_000]
    words = (vocabulary.names(row[row > OOV].tolist()) for row in rows)
    return [*dict.fromkeys(" ".join(some) for some in words)]


def predicted(run: str, texts: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what `seqtrain predict` says of each text."""
    command = [sys.executable, "-m", "seqtrain", "predict", run, "--format", "jsonl"]
    done = subprocess.run(
        command, input="\n".join(texts), capture_output=True, text=True, check=True
    )
    return map(json.loads, done.stdout.splitlines())


async def ask(
    port: int, texts: list[str], expected: dict[str, Any], clients: int, seconds: float
) -> dict[str, Any]:
    """Ask for some seconds; each client asks again as soon as it is answered."""
    found: dict[str, Any] = {"seconds": [], "errors": 0, "wrong": 0}
    start = time.perf_counter()
    await asyncio.gather(
        *(
            client(port, texts[n::clients] or texts, expected, start + seconds, found)
            for n in range(clients)
        )
    )
    return found | {"wall": time.perf_counter() - start}


async def client(
    port: int, texts: list[str], expected: dict[str, Any], until: float, found: dict[str, Any]
) -> None:
    """Ask over one connection, text after text."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while (begin := time.perf_counter()) < until:
        text = texts[number % len(texts)]
        number += 1
        body = json.dumps({"texts": [text]}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        status, answer = await answered(reader)
        found["seconds"].append(time.perf_counter() - begin)
        if status != 200:
            found["errors"] += 1
        elif not same(json.loads(answer)["predictions"][0], expected[text]):
            found["wrong"] += 1
    writer.close()


async def answered(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].split()[0])
    return int(head.split()[1]), await reader.readexactly(length)


def same(row: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether an answer is that of the command, but for its number and rounding."""
    near = abs(row["probability"] - wanted["probability"]) <= TOLERANCE
    close = row["class"] == wanted["class"] or abs(wanted["probability"] - 0.5) <= TOLERANCE
    return near and close and row["text"] == wanted["text"]


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
