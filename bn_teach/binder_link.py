"""Print the Binder link of a notebook of this clone, and a badge for a README.

    python -m bn_teach.binder_link notebooks/04-train-and-eval.ipynb --ref class-2026

The link opens the notebook in JupyterLab on mybinder.org, at a branch or tag of the repository
that the clone's remote `origin` names. GitHub and GitLab are known.
"""

import argparse
import re
import subprocess
import sys
from urllib.parse import quote

BADGE = "https://mybinder.org/badge_logo.svg"

# What Binder calls each host, and how it wants the repository written.
HOSTS = {
    "github.com": ("gh", lambda repository: quote(repository)),
    "gitlab.com": ("gl", lambda repository: quote(repository, safe="")),
}


class CannotLink(Exception):
    """Why there is no link, in a sentence for the person who asked."""


def read_remote(url):
    """Split a remote's address into its host and its repository.

    Known forms are `https://host/owner/name.git`, `ssh://git@host/owner/name.git` and
    `git@host:owner/name.git`; a GitLab repository may have more owners, as in `group/sub/name`.

    Raises
    ------
    CannotLink
        If the address is none of these forms. The message leaves out a user name and password.
    """
    with_scheme = r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::\d+)?/(?P<path>[^?#]+)"
    like_scp = r"(?:[^/@:]+@)?(?P<host>[^/:@]+):(?P<path>[^/?#][^?#]*)"
    match = re.fullmatch(with_scheme, url) or re.fullmatch(like_scp, url)
    repository = match["path"].strip("/").removesuffix(".git") if match else ""
    if "/" not in repository:
        shown = re.sub(r"//[^/]*@", "//", url)
        raise CannotLink(
            f"The remote origin is {shown}, but Binder needs a repository on"
            f" {' or '.join(HOSTS)}: git remote set-url origin https://github.com/OWNER/NAME"
        )
    return match["host"].lower(), repository


def binder_link(remote, ref, notebook):
    """Return the link that opens `notebook` at `ref` of the repository at `remote`.

    Raises
    ------
    CannotLink
        If `remote` is not an address that `read_remote` knows, or its host is not in `HOSTS`.
    """
    host, repository = read_remote(remote)
    if host not in HOSTS:
        raise CannotLink(
            f"The remote origin is on {host}, which this command does not know:"
            f" push the repository to {' or '.join(HOSTS)} and make that the origin."
        )
    provider, written = HOSTS[host]
    page = f"lab/tree/{quote(notebook)}"
    return f"https://mybinder.org/v2/{provider}/{written(repository)}/{quote(ref)}?urlpath={page}"


def badge(link):
    """Return the Markdown of a badge that leads to `link`."""
    return f"[![Open in Binder]({BADGE})]({link})"


def git(*arguments):
    """Return what git prints, or None if it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def current_ref():
    """Return the branch that is checked out, or the tag if none is.

    Raises
    ------
    CannotLink
        If the checked-out commit is neither on a branch nor tagged.
    """
    ref = git("symbolic-ref", "--quiet", "--short", "HEAD")
    ref = ref or git("describe", "--tags", "--exact-match", "HEAD")
    if not ref:
        raise CannotLink("No branch or tag is checked out here: name one with --ref.")
    return ref


def link_of_this_clone(notebook, ref=None):
    """Return the link of `notebook` at `ref`, by default the branch or tag checked out.

    Raises
    ------
    CannotLink
        If there is no remote origin, the clone does not have `ref`, or `ref` has no `notebook`.
    """
    remote = git("remote", "get-url", "origin")
    if not remote:
        raise CannotLink(
            "There is no remote origin here, so Binder has nothing to fetch: push the repository"
            " to GitHub or GitLab first, and run this inside the clone."
        )
    ref = ref or current_ref()
    if git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") is None:
        raise CannotLink(
            f"This clone has no branch or tag {ref}: make it (git tag {ref}) or fetch it."
        )
    if not notebook.endswith(".ipynb") or git("cat-file", "-e", f"{ref}:{notebook}") is None:
        there = git("ls-tree", "-r", "--name-only", "--full-tree", ref, "notebooks/").splitlines()
        names = [name for name in there if name.endswith(".ipynb")]
        raise CannotLink(f"{ref} has no notebook {notebook}. It has: {', '.join(names) or 'none'}.")
    return binder_link(remote, ref, notebook)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m bn_teach.binder_link",
        description="Print the Binder link of a notebook of this clone, and a badge for a README.",
    )
    parser.add_argument("notebook", help="its path from the top of the clone")
    parser.add_argument("--ref", help="a branch or tag; by default the one checked out")
    chosen = parser.parse_args()
    try:
        link = link_of_this_clone(chosen.notebook, chosen.ref)
    except CannotLink as problem:
        sys.exit(str(problem))
    print(link)
    print()
    print(badge(link))
    print()
    print(
        "Binder sees what is pushed, and builds anew after each new commit. For a class give --ref"
        " a tag, and open the link once the day before: then it is built when the class begins."
    )


if __name__ == "__main__":
    main()
