"""The self-check says in words what it finds, and never fails itself."""

from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from bn_teach import selfcheck


@pytest.fixture
def found(monkeypatch):
    """Pretend versions: change this dict."""
    versions = {
        "torch": "2.13.0+cpu",
        "plotly": "7.1.0",
        "ipywidgets": "8.1.9",
        "anywidget": "0.11.0",
    }

    def version(name):
        if versions[name] is None:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(selfcheck, "version", version)
    return versions


def test_all_is_fine_with_the_versions_that_the_course_asks_for(found):
    lines = list(selfcheck.versions())
    assert [line.split()[0] for line in lines] == ["Python", *selfcheck.PACKAGES]
    assert all(line.endswith(": fine.") for line in lines)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("torch", "2.12.9"),
        ("torch", "2.14.0"),
        ("plotly", "7.0.9"),
        ("plotly", "8.0"),
        ("anywidget", "0.10.9"),
        ("anywidget", "0.12.0"),
        ("ipywidgets", "9.1"),
    ],
)
def test_a_version_that_does_not_fit_is_named_with_what_to_do(name, version, found):
    found[name] = version
    (line,) = [line for line in selfcheck.versions() if not line.endswith("fine.")]
    assert line.startswith(f"{name} {version} does not fit: the course asks for ~=")
    assert line.endswith("make lab")


@pytest.mark.parametrize(
    ("name", "version"),
    [("torch", "2.13.2"), ("plotly", "7.10.0"), ("ipywidgets", "8.2"), ("anywidget", "0.11.3")],
)
def test_a_later_version_of_the_same_series_will_do(name, version, found):
    found[name] = version
    assert f"{name} {version}: fine." in list(selfcheck.versions())


def test_a_missing_package_is_said_to_be_missing(found):
    found["plotly"] = None
    assert "plotly is missing. In a terminal, in the folder of the course: make lab" in list(
        selfcheck.versions()
    )


@pytest.mark.parametrize(
    ("python", "fits"), [("3.10.13", False), ("3.11.0", True), ("3.14.2", True), ("3.15.0", False)]
)
def test_python_must_lie_in_its_range(python, fits, found, monkeypatch):
    monkeypatch.setattr(selfcheck.platform, "python_version", lambda: python)
    assert next(selfcheck.versions()).endswith(": fine.") == fits


@pytest.fixture
def linux(tmp_path, monkeypatch):
    """A pretended machine and container: their memory in MB; None for no container."""

    def pretend(available, limit=None, used=None):
        free = SimpleNamespace(available=available * 10**6)
        monkeypatch.setattr(selfcheck.psutil, "virtual_memory", lambda: free)
        for name, value in {"limit": limit, "used": used}.items():
            if value is not None:
                (tmp_path / name).write_text(str(value if value == "max" else value * 10**6))
        container = ((str(tmp_path / "limit"), str(tmp_path / "used")),)
        monkeypatch.setattr(selfcheck, "CONTAINER", container)

    return pretend


def test_memory_is_what_the_machine_has(linux):
    linux(3200)
    assert selfcheck.memory() == "Memory: 3.2 GB free; a notebook needs up to 0.7 GB: fine."


def test_memory_is_what_the_container_leaves_where_that_is_less(linux):
    linux(64000, limit=2000, used=1500)
    assert selfcheck.memory() == (
        "Memory: 0.5 GB free; a notebook needs up to 0.7 GB. Too little: stop other notebooks "
        "(Kernel > Shut Down All Kernels...)."
    )


def test_memory_of_a_container_without_a_limit_is_the_machines(linux):
    linux(5000, limit="max", used=4000)
    assert selfcheck.free_memory() == pytest.approx(5e9, rel=1e-3)


def test_run_prints_a_line_for_each_thing_and_returns_the_line_of_the_pictures(capsys):
    line = selfcheck.run()
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 + len(selfcheck.PACKAGES)
    data, _ = line._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"].startswith("If this line does not change, the pictures will not work")
    assert "The pictures work here." in line._esm
