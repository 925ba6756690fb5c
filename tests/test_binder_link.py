"""The Binder link of a clone, with remotes and repositories made by hand."""

import subprocess
import sys

import pytest

from bn_teach.binder_link import (
    CannotLink,
    badge,
    binder_link,
    current_ref,
    link_of_this_clone,
    read_remote,
)

NOTEBOOK = "notebooks/00-start-here.ipynb"


def run_git(*arguments):
    subprocess.run(["git", *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """The working folder is a repository on branch `main`, with one notebook and a remote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")  # nobody's signing keys or rewritten URLs
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")
    run_git("init", "--initial-branch=main")
    run_git("remote", "add", "origin", "git@github.com:ada/bn-teach.git")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / NOTEBOOK).write_text("{}")
    run_git("add", NOTEBOOK)
    run_git("commit", "--message=one notebook")
    return tmp_path


@pytest.mark.parametrize(
    ("url", "host", "repository"),
    [
        ("https://github.com/ada/bn-teach.git", "github.com", "ada/bn-teach"),
        ("https://github.com/ada/bn-teach", "github.com", "ada/bn-teach"),
        ("https://github.com/ada/bn-teach/", "github.com", "ada/bn-teach"),
        ("https://ada:secret@github.com/ada/bn-teach.git", "github.com", "ada/bn-teach"),
        ("https://GitHub.com/ada/bn-teach.git", "github.com", "ada/bn-teach"),
        ("git@github.com:ada/bn-teach.git", "github.com", "ada/bn-teach"),
        ("github.com:ada/bn-teach.git", "github.com", "ada/bn-teach"),
        ("ssh://git@github.com/ada/bn-teach.git", "github.com", "ada/bn-teach"),
        ("ssh://git@gitlab.com:22/maths/ada/bn.teach.git", "gitlab.com", "maths/ada/bn.teach"),
        ("git@gitlab.com:maths/ada/bn-teach.git", "gitlab.com", "maths/ada/bn-teach"),
    ],
)
def test_every_common_form_of_a_remote_is_read(url, host, repository):
    assert read_remote(url) == (host, repository)


@pytest.mark.parametrize(
    "url", ["/srv/git/bn-teach.git", "../bn-teach", "https://github.com/", "git@github.com:ada"]
)
def test_a_remote_without_owner_and_name_is_refused(url):
    with pytest.raises(CannotLink, match=r"git remote set-url origin https://github\.com/OWNER"):
        read_remote(url)


def test_a_refusal_never_shows_a_password():
    with pytest.raises(CannotLink, match=r"origin is https://github\.com/ada,") as refusal:
        read_remote("https://ada:secret@github.com/ada")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("remote", "ref", "link"),
    [
        (
            "https://github.com/ada/bn-teach.git",
            "class-2026",
            "https://mybinder.org/v2/gh/ada/bn-teach/class-2026"
            "?urlpath=lab/tree/notebooks/00-start-here.ipynb",
        ),
        (
            "git@gitlab.com:maths/ada/bn-teach.git",
            "week/1",
            "https://mybinder.org/v2/gl/maths%2Fada%2Fbn-teach/week/1"
            "?urlpath=lab/tree/notebooks/00-start-here.ipynb",
        ),
    ],
)
def test_the_link_has_the_form_that_binder_expects(remote, ref, link):
    assert binder_link(remote, ref, NOTEBOOK) == link


def test_signs_that_would_end_an_address_are_escaped():
    link = binder_link("git@github.com:ada/bn-teach.git", "a#b", "notebooks/what now?.ipynb")
    assert link.endswith("/a%23b?urlpath=lab/tree/notebooks/what%20now%3F.ipynb")


def test_an_unknown_host_is_named_with_those_that_would_do():
    with pytest.raises(CannotLink, match=r"on git\.example\.org, .* github\.com or gitlab\.com"):
        binder_link("git@git.example.org:ada/bn-teach.git", "main", NOTEBOOK)


def test_the_badge_is_a_picture_that_leads_to_the_link():
    assert badge("https://x.org/y") == (
        "[![Open in Binder](https://mybinder.org/badge_logo.svg)](https://x.org/y)"
    )


def test_the_ref_is_the_branch_or_else_the_tag(clone):
    run_git("tag", "class-2026")
    assert current_ref() == "main"
    run_git("checkout", "--detach")
    assert current_ref() == "class-2026"


def test_a_commit_with_no_name_asks_for_one(clone):
    run_git("checkout", "--detach")
    with pytest.raises(CannotLink, match="name one with --ref"):
        link_of_this_clone(NOTEBOOK)


def test_the_command_prints_link_and_badge_from_any_folder_of_the_clone(clone):
    run_git("tag", "class-2026")
    command = [sys.executable, "-m", "bn_teach.binder_link", NOTEBOOK, "--ref", "class-2026"]
    done = subprocess.run(
        command, cwd=clone / "notebooks", check=True, capture_output=True, text=True
    )
    link = binder_link("git@github.com:ada/bn-teach.git", "class-2026", NOTEBOOK)
    assert done.stdout.splitlines()[0] == link
    assert badge(link) in done.stdout.splitlines()
    assert "For a class give --ref a tag" in done.stdout


def test_the_command_fails_with_a_sentence_and_no_traceback(clone):
    command = [sys.executable, "-m", "bn_teach.binder_link", "notebooks/99.ipynb"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"main has no notebook notebooks/99.ipynb. It has: {NOTEBOOK}.\n"


def test_a_notebook_that_the_ref_does_not_have_is_refused(clone):
    run_git("tag", "early")
    (clone / "notebooks" / "01-later.ipynb").write_text("{}")
    run_git("add", "notebooks/01-later.ipynb")
    run_git("commit", "--message=a later notebook")
    assert link_of_this_clone("notebooks/01-later.ipynb").endswith("01-later.ipynb")
    with pytest.raises(CannotLink, match=f"early has no notebook .*It has: {NOTEBOOK}"):
        link_of_this_clone("notebooks/01-later.ipynb", "early")


def test_a_folder_is_not_a_notebook(clone):
    with pytest.raises(CannotLink, match="main has no notebook notebooks"):
        link_of_this_clone("notebooks")


def test_a_ref_that_the_clone_does_not_have_is_refused(clone):
    with pytest.raises(CannotLink, match="no branch or tag class-2027: make it"):
        link_of_this_clone(NOTEBOOK, "class-2027")


def test_a_clone_without_a_remote_is_told_to_push(clone):
    run_git("remote", "remove", "origin")
    with pytest.raises(CannotLink, match=r"no remote origin here.* push the repository"):
        link_of_this_clone(NOTEBOOK)


def test_a_folder_that_is_no_clone_is_told_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(CannotLink, match="run this inside the clone"):
        link_of_this_clone(NOTEBOOK)
