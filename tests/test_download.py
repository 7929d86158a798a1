"""Data files are found where a person put them, or fetched once and checked."""

import gc
import hashlib
import logging
import os
import socket
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqtrain.datasets import imdb, mnist
from seqtrain.datasets.imdb import Imdb
from seqtrain.datasets.mnist import Mnist
from seqtrain.errors import DataError
from seqtrain.io.download import Remote, download, downloads, find, fingerprint, keras_cache

# requests leaves a socket to the garbage collector when a body breaks off or is refused.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = b"all the reviews" * 1000
NAMES = ("imdb.npz", "aclImdb_v1.tar.gz", "aclImdb")


@dataclass
class Server:
    """A server of one file, which it may withhold, change or break off."""

    url: str
    content: bytes = CONTENT
    status: int = 200
    announced: int | None = None
    moved: bool = False
    asked: list[str] = field(default_factory=list)

    def remote(self, content: bytes = CONTENT) -> Remote:
        """Return the file as one that is expected to hold `content`."""
        return Remote(f"{self.url}/imdb.npz", f"sha256:{hashlib.sha256(content).hexdigest()}")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            length = len(served.content) if served.announced is None else served.announced
            self.send_response(served.status)
            if length >= 0:
                self.send_header("Content-Length", str(length))
            if served.moved:
                self.send_header("Location", self.path)
            self.end_headers()
            self.wfile.write(served.content)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        served = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        http.shutdown()
        thread.join()
    with warnings.catch_warnings():
        # pooch leaves the sockets of failed requests to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL at which nothing listens, like every URL of a machine that is offline."""
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def left() -> list[str]:
    """Return what lies in the folder for downloads."""
    return [file.name for file in downloads().iterdir()] if downloads().is_dir() else []


def assert_tells_what_to_do(error: DataError, remote: Remote) -> None:
    text = f"{error.message}\n{error.hint}"
    assert remote.url in text
    assert remote.hash in text
    assert str(downloads()) in text
    assert "--data-dir" in text


def test_a_file_is_fetched(server: Server) -> None:
    file = download(server.remote())
    assert file == downloads() / "imdb.npz"
    assert file.read_bytes() == CONTENT
    assert left() == ["imdb.npz"]


def test_a_file_is_fetched_once(server: Server) -> None:
    first, second = download(server.remote()), download(server.remote())
    assert first == second
    assert server.asked == ["/imdb.npz"]


def test_a_fetched_file_is_found(server: Server) -> None:
    assert download(server.remote()) == find(NAMES, None, None)


def test_a_download_is_logged_when_it_happens_and_only_then(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    for _ in range(2):
        download(server.remote())
    assert [record.getMessage() for record in caplog.records] == [
        f"downloading {server.url}/imdb.npz"
    ]


def test_md5_is_checked_too(server: Server) -> None:
    good = Remote(f"{server.url}/imdb.npz", f"md5:{hashlib.md5(CONTENT).hexdigest()}")
    assert download(good).read_bytes() == CONTENT
    with pytest.raises(DataError):
        download(Remote(good.url, f"md5:{hashlib.md5(b'other').hexdigest()}"))


def test_another_content_is_refused_and_not_kept(server: Server) -> None:
    remote = server.remote(b"what was expected")
    with pytest.raises(DataError, match="is not the file that was expected") as caught:
        download(remote)
    assert_tells_what_to_do(caught.value, remote)
    assert left() == []


def test_a_file_in_the_downloads_with_another_hash_survives_a_failure(server: Server) -> None:
    downloads().mkdir(parents=True)
    (downloads() / "imdb.npz").write_bytes(b"a person put it here")
    with pytest.raises(DataError):
        download(server.remote(b"what was expected"))
    assert (downloads() / "imdb.npz").read_bytes() == b"a person put it here"
    assert left() == ["imdb.npz"]


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_server_that_refuses_is_an_error_with_its_answer(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(DataError) as caught:
        download(server.remote())
    assert_tells_what_to_do(caught.value, server.remote())
    assert str(status) in caught.value.message
    assert left() == []


def test_a_connection_that_breaks_off_leaves_nothing(server: Server) -> None:
    server.announced = len(CONTENT) * 2
    with pytest.raises(DataError) as caught:
        download(server.remote())
    assert_tells_what_to_do(caught.value, server.remote())
    assert left() == []


@pytest.mark.parametrize("announced", [10**12, -1], ids=["said before", "not said"])
def test_what_is_too_large_is_not_stored(
    announced: int, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtrain.io.download.LARGEST", 1000)
    server.announced = announced
    with pytest.raises(DataError, match="has more than 1,000 bytes") as caught:
        download(server.remote())
    assert_tells_what_to_do(caught.value, server.remote())
    assert left() == []


def test_what_comes_without_end_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtrain.io.download.LONGEST", 0)
    with pytest.raises(DataError, match="takes more than 0 minutes"):
        download(server.remote())
    assert left() == []


def test_a_server_that_sends_in_a_circle_is_given_up(server: Server) -> None:
    server.status, server.moved = 302, True
    with pytest.raises(DataError, match="cannot be reached|answers 302"):
        download(server.remote())
    assert len(server.asked) < 10
    assert left() == []


def test_ctrl_c_leaves_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def interrupted(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Response, "iter_content", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download(server.remote())
    assert left() == []


def test_downloads_to_which_others_can_write_are_not_used(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    file = download(server.remote())
    downloads().chmod(0o777)
    assert find(NAMES, None, None) is None
    assert f"the files in {downloads()} are not used: others can write to it" in caplog.text
    with pytest.raises(DataError, match="cannot be written: others can write to it"):
        download(server.remote())
    assert file.exists()


def test_a_file_is_fetched_after_a_connection_broke_off(server: Server) -> None:
    server.announced = len(CONTENT) * 2
    with pytest.raises(DataError):
        download(server.remote())
    server.announced = None
    assert download(server.remote()).read_bytes() == CONTENT


def test_offline_says_what_to_fetch_and_where_to_put_it(nowhere: str) -> None:
    remote = Remote(f"{nowhere}/imdb.npz", f"sha256:{'0' * 64}")
    with pytest.raises(DataError, match="cannot be reached") as caught:
        download(remote)
    assert_tells_what_to_do(caught.value, remote)
    assert caught.value.exit_code == 2
    assert left() == []


def test_offline_what_was_fetched_before_is_used(server: Server, nowhere: str) -> None:
    download(server.remote())
    offline = Remote(f"{nowhere}/imdb.npz", server.remote().hash)
    assert download(offline).read_bytes() == CONTENT


def test_a_proxy_that_cannot_be_used_is_not_blamed_on_the_file(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", "http://:bad:port:")
    with pytest.raises(DataError) as caught:
        download(server.remote())
    assert "is not the file that was expected" not in caught.value.message


def test_a_folder_that_cannot_be_written_is_not_blamed_on_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocking = tmp_path / "blocking"
    blocking.write_text("a file in the folder's place")
    monkeypatch.setenv("SEQTRAIN_CACHE_DIR", str(blocking))
    with pytest.raises(DataError) as caught:
        download(server.remote())
    assert "cannot be reached" not in caught.value.message
    assert str(downloads()) in caught.value.message
    assert blocking.read_text() == "a file in the folder's place"


def lay(folder: Path, *names: str) -> Path:
    """Put files with no useful content into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{folder.name}/{name}")
    return folder


@pytest.fixture
def everywhere(tmp_path: Path) -> dict[str, Path]:
    """Every folder in which data is looked for, each with the file."""
    places = {
        "path": tmp_path / "given",
        "data_dir": tmp_path / "data",
        "keras": keras_cache(),
        "downloads": downloads(),
    }
    return {place: lay(folder, "imdb.npz") for place, folder in places.items()}


@pytest.mark.parametrize("first", range(4), ids=["path", "data_dir", "keras", "downloads"])
def test_places_are_looked_at_in_their_order(everywhere: dict[str, Path], first: int) -> None:
    places = list(everywhere)
    for place in places[:first]:
        (everywhere[place] / "imdb.npz").unlink()
    path = str(everywhere["path"]) if first == 0 else None
    found = find(NAMES, path, everywhere["data_dir"])
    assert found == everywhere[places[first]] / "imdb.npz"


def test_without_a_data_dir_the_caches_are_looked_at(everywhere: dict[str, Path]) -> None:
    assert find(NAMES, None, None) == everywhere["keras"] / "imdb.npz"


def test_the_place_counts_more_than_the_form(tmp_path: Path) -> None:
    data = lay(tmp_path / "data", "aclImdb_v1.tar.gz")
    lay(Path(os.environ["KERAS_HOME"], "datasets"), "imdb.npz")
    assert find(NAMES, None, data) == data / "aclImdb_v1.tar.gz"


def test_a_file_that_is_nowhere_is_not_found(tmp_path: Path) -> None:
    assert find(NAMES, None, lay(tmp_path / "data", "mnist.npz")) is None


def test_the_keras_cache_is_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keras_cache() == tmp_path / ".keras" / "datasets"


def test_a_path_may_be_a_file_of_any_name(tmp_path: Path) -> None:
    file = lay(tmp_path / "given", "reviews.npz") / "reviews.npz"
    assert find(NAMES, str(file), None) == file


def test_a_path_may_be_the_unpacked_folder(tmp_path: Path) -> None:
    unpacked = lay(tmp_path / "aclImdb", "README")
    assert find(NAMES, str(unpacked), None) == unpacked


def test_a_path_may_be_relative(tmp_path: Path) -> None:
    lay(tmp_path / "given", "imdb.npz")
    found = find(NAMES, "given", None)
    assert found is not None
    assert found.resolve() == tmp_path / "given" / "imdb.npz"


def test_a_path_that_is_missing_is_an_error_although_the_file_lies_elsewhere(
    everywhere: dict[str, Path], tmp_path: Path
) -> None:
    missing = tmp_path / "nothing" / "imdb.npz"
    with pytest.raises(DataError, match="no file or folder") as caught:
        find(NAMES, str(missing), everywhere["data_dir"])
    assert str(missing) in caught.value.message


def test_a_data_dir_that_is_missing_is_an_error(
    everywhere: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="does not exist") as caught:
        find(NAMES, None, tmp_path / "nothing")
    assert str(tmp_path / "nothing") in caught.value.message


def test_where_two_forms_lie_the_first_is_used_and_that_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    data = lay(tmp_path / "data", "imdb.npz", "aclImdb_v1.tar.gz")
    assert find(NAMES, None, data) == data / "imdb.npz"
    [record] = caplog.records
    for name in ("imdb.npz", "aclImdb_v1.tar.gz"):
        assert name in record.getMessage()


def test_where_one_form_lies_nothing_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    find(NAMES, None, lay(tmp_path / "data", "imdb.npz"))
    assert caplog.records == []


@pytest.mark.parametrize("place", ["path", "data_dir", "keras", "downloads"])
@pytest.mark.parametrize(
    ("dataset", "name"), [(Imdb, "imdb.npz"), (Mnist, "mnist.npz")], ids=["imdb", "mnist"]
)
def test_a_damaged_file_that_a_person_gave_is_never_changed_or_replaced(
    dataset: type[Imdb] | type[Mnist],
    name: str,
    place: str,
    everywhere: dict[str, Path],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imdb, "IDS", server.remote())
    monkeypatch.setattr(mnist, "REMOTE", server.remote())
    for folder in everywhere.values():
        (folder / "imdb.npz").unlink()
    file = everywhere[place] / name
    file.write_bytes(b"a person's file")
    path = str(file) if place == "path" else None
    config = dataset(name=name.removesuffix(".npz"), path=path)
    with pytest.raises(DataError) as caught:
        config.load(everywhere["data_dir"])
    assert str(file) in caught.value.message
    assert file.read_bytes() == b"a person's file"
    assert server.asked == []


def test_missing_reviews_are_fetched_with_their_words(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = Remote(f"{server.url}/imdb_word_index.json", server.remote().hash)
    monkeypatch.setattr(imdb, "WORD_INDEX", words)
    monkeypatch.setattr(imdb, "IDS", server.remote())
    with pytest.raises(DataError, match="is not the IMDB reviews"):
        Imdb(name="imdb").load()
    assert set(server.asked) == {"/imdb.npz", "/imdb_word_index.json"}
    assert set(left()) == {"imdb.npz", "imdb_word_index.json"}


def test_missing_digits_are_fetched(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = Remote(f"{server.url}/mnist.npz", server.remote().hash)
    monkeypatch.setattr(mnist, "REMOTE", remote)
    with pytest.raises(DataError, match="is not MNIST"):
        Mnist(name="mnist").load()
    assert left() == ["mnist.npz"]


def test_a_fingerprint_depends_on_every_part() -> None:
    prints = {fingerprint(1, "a"), fingerprint(2, "a"), fingerprint(1, "b"), fingerprint("1", "a")}
    assert len(prints) == 4
    assert fingerprint(1, "a") in prints


def test_a_user_without_a_home_has_a_cache_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "KERAS_HOME", "SEQTRAIN_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert keras_cache() is None
    assert downloads() == downloads()
    assert downloads().is_absolute()
    assert downloads().parent.stat().st_mode & 0o077 == 0
    assert find(NAMES, None, None) is None
