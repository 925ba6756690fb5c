"""The benchmark's own tools. What it measures is no test: nothing here has a time limit."""

import contextlib
import importlib
import random
import socket
import threading
import time

import pytest

from benchmarks import report
from benchmarks.__main__ import PARTS
from benchmarks.proxy import DelayingProxy

DELAY = 0.05  # s each way


@contextlib.contextmanager
def echo_server():
    """Sends everything back until the other side has said all; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                while piece := connection.recv(65_536):
                    connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=30)  # a hang is an error


def all_from(connection):
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def round_trip(connection):
    start = time.monotonic()
    connection.sendall(b"?")
    assert connection.recv(1) == b"?"
    return time.monotonic() - start


def test_the_proxy_delays_each_way():
    with (
        echo_server() as port,
        DelayingProxy(port, DELAY) as proxy,
        connect(proxy) as connection,
    ):
        assert min(round_trip(connection) for _ in range(3)) >= 2 * DELAY


def test_the_delay_can_change_while_a_connection_is_open():
    with (
        echo_server() as port,
        DelayingProxy(port) as proxy,
        connect(proxy) as connection,
    ):
        round_trip(connection)
        proxy.delay = DELAY
        assert round_trip(connection) >= 2 * DELAY


def test_the_proxy_passes_all_bytes_unchanged_and_then_the_end():
    sent = random.Random(0).randbytes(3_000_000)
    with (
        echo_server() as port,
        DelayingProxy(port, DELAY) as proxy,
        connect(proxy) as connection,
    ):

        def send():
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert all_from(connection) == sent
        sender.join()


def test_a_server_that_is_not_there_ends_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with (
        DelayingProxy(port) as proxy,
        connect(proxy) as connection,
    ):
        assert all_from(connection) == b""


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_benchmark_is_there(part):
    module = importlib.import_module(f"benchmarks.{part}")
    assert callable(module.main)


def test_the_three_ways_draw_the_same_numbers():
    from benchmarks import pictures

    a_dict, a_figure = pictures.as_dict(0.7, -1.25), pictures.as_figure(0.7, -1.25)
    for trace, other in zip(a_dict["data"], a_figure.data, strict=True):
        assert list(trace["y"]) == list(other.y)
        assert list(trace["x"]) == list(other.x)
    shape = pictures.explorable(pictures.as_dict)._grid.shape
    assert shape == (31, 25)


def test_a_figure_is_judged_by_its_budget():
    assert report.verdict(35.0, 35) == "ok"
    assert report.verdict(42.0, 35) == "missed by 20 %"
    assert report.verdict(35.01, 35) == "missed by 1 %"


def test_a_row_judges_its_last_figures(capsys):
    report.row("label", 25, 30.0, 60.0, budget=(35, 50))
    assert capsys.readouterr().out.split() == [
        *("label", "25", "30.0", "60.0", "35", "/", "50"),
        *("ok", "/", "missed", "by", "20", "%"),
    ]
