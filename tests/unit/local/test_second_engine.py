"""The second engine as a process: where it listens, how it ends, and what is said where it cannot start."""

import os
import platform
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from continuous_backup.naming import account_of_arn
from local import second_engine
from local.second_engine import ACCOUNT, Dynoxide, EngineError, why_not_here

needs_binary = pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Dynoxide]:
    with Dynoxide(tmp_path) as running:
        yield running


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@needs_binary
def test_dynoxide_when_started_answers_and_when_stopped_leaves_no_process(tmp_path: Path):
    engine = Dynoxide(tmp_path)
    with engine:
        pid = engine.pid
        assert engine.client("dynamodb").list_tables()["TableNames"] == []
        assert engine.client("dynamodbstreams").list_streams()["Streams"] == []
    assert not is_there(pid)
    engine.stop()
    with pytest.raises(EngineError, match="not running"):
        _ = engine.pid
    assert [path.name for path in tmp_path.iterdir()] == ["dynoxide.log"]


@needs_binary
def test_dynoxide_names_the_account_that_we_say_it_names(engine: Dynoxide):
    made = engine.client("dynamodb").create_table(
        TableName="Orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]
    assert account_of_arn(made["TableArn"]) == ACCOUNT


@needs_binary
def test_dynoxide_when_its_port_is_taken_tries_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        monkeypatch.setattr(second_engine, "free_port", iter(ports).__next__)
        with Dynoxide(tmp_path) as engine:
            assert engine.endpoint_url.endswith(f":{ports[1]}")


@needs_binary
def test_dynoxide_when_every_port_is_taken_says_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(second_engine, "free_port", lambda: taken.getsockname()[1])
        with pytest.raises(EngineError, match=r"ended with status 1:\nerror: port .* is already in use"):
            Dynoxide(tmp_path).start()


def test_dynoxide_when_its_program_is_missing_says_what_to_do(tmp_path: Path):
    with pytest.raises(EngineError, match=r"there is no .*/nowhere\. Try: make install-dev"):
        Dynoxide(tmp_path, binary=tmp_path / "nowhere").start()


@pytest.mark.parametrize(
    ("system", "machine", "reason"),
    [
        ("linux", "x86_64", ""),
        ("linux", "aarch64", "dynoxide is published for Linux on x86-64, and this is linux on aarch64"),
        ("darwin", "x86_64", "dynoxide is published for Linux on x86-64, and this is darwin on x86_64"),
    ],
)
def test_why_not_here_is_empty_where_dynoxide_is_published_and_names_the_machine_elsewhere(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, reason: str
):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert why_not_here() == reason
