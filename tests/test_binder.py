"""What Binder would build from binder/, as repo2docker renders it. No docker and no network."""

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def build():
    """The build pack that repo2docker chooses for this repository, ready to render."""
    with warnings.catch_warnings():
        # repo2docker imports its JSON logger from where that used to be
        warnings.filterwarnings("ignore", message="pythonjsonlogger", category=DeprecationWarning)
        from repo2docker.app import Repo2Docker
    app = Repo2Docker()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # repo2docker looks at the working folder
        build_packs = [kind(base_image=app.base_image) for kind in app.buildpacks]
        chosen = next(pack for pack in build_packs if pack.detect())
        chosen.platform = "linux/amd64"
        yield chosen


@pytest.fixture(scope="module")
def dockerfile(build):
    return build.render(build_args={})


def test_binder_reads_environment_yml_through_the_link(build):
    assert type(build).__name__ == "CondaBuildPack"
    assert build.binder_dir == "binder"
    assert Path(build.binder_dir, "environment.yml").readlink() == Path("../environment.yml")
    assert (ROOT / build.binder_path("environment.yml")).samefile(ROOT / "environment.yml")


def test_binder_takes_the_python_that_environment_yml_asks_for(build):
    assert build.python_version == "3.11"


def test_the_environment_is_built_before_the_sources_are_copied(dockerfile):
    """So the slow step is done again only when environment.yml changes."""
    environment = re.search(r"^COPY .*binder/environment\.yml", dockerfile, re.MULTILINE)
    install = dockerfile.index('--file "binder/environment.yml"')
    sources = re.search(r"^COPY .*src/ ", dockerfile, re.MULTILINE)
    assert environment.start() < install < sources.start()


def test_the_course_itself_is_installed_last(dockerfile):
    sources = re.search(r"^COPY .*src/ ", dockerfile, re.MULTILINE)
    assert dockerfile.index("RUN ./binder/postBuild") > sources.start()


def test_each_launch_goes_through_start(dockerfile):
    assert re.search(r'^ENV R2D_ENTRYPOINT="?.*/binder/start"?$', dockerfile, re.MULTILINE)


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_the_scripts_can_be_run(name):
    assert (ROOT / "binder" / name).stat().st_mode & 0o111


def test_post_build_stops_at_an_error_and_adds_nothing_to_the_environment():
    lines = (ROOT / "binder" / "postBuild").read_text().splitlines()
    assert "set -euo pipefail" in lines
    assert [line for line in lines if "pip" in line.split()] == [
        "python -m pip install --no-cache-dir --no-deps -e ."
    ]


def test_start_keeps_to_one_core_and_hands_over():
    lines = (ROOT / "binder" / "start").read_text().splitlines()
    assert "export OMP_NUM_THREADS=1" in lines
    assert lines[-1] == 'exec "$@"'
