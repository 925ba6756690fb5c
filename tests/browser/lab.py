"""A real JupyterLab and a real Chromium, for the browser tests and the benchmark."""

import ast
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from jupyter_client import BlockingKernelClient
from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).parents[2]
AXE = PROJECT / "tests" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
TRUTH = "__import__('tests.browser.truth').browser.truth"  # truth.py, inside the kernel

# Chromium's own talk to its maker is off: what remains is what the page asks for.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def server(folder, port=None):
    """A JupyterLab server for a folder; gives its address with the token in it."""
    port = port or free_port()
    token = secrets.token_hex(16)
    state = Path(folder) / ".jupyter-state"  # settings and workspaces of this test alone
    environment = {
        **os.environ,
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "PYTHONPATH": str(PROJECT),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"),
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--ServerApp.root_dir={folder}",
    ]
    log = Path(folder) / ".jupyter-server.log"
    with open(log, "w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api?token={token}", process, log)
            yield f"http://127.0.0.1:{port}", token
        finally:
            process.terminate()
            process.wait(timeout=30)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address, process, log, seconds=60):
    for _ in range(seconds * 10):
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended at its start:\n{log.read_text()}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=2).read()
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not answer in {seconds} s:\n{log.read_text()}")


@contextlib.contextmanager
def browser():
    if not Path(CHROMIUM).exists():
        raise RuntimeError(
            f"{CHROMIUM} is not there; install Debian's package chromium, or set CHROMIUM to one"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield chromium
        finally:
            chromium.close()


class Lab:
    """One JupyterLab page with one notebook open, and what it did wrong so far."""

    def __init__(self, chromium, address, token, notebook, width=1600, height=1000, dark=False):
        self.address, self.token = address, token
        self.context = chromium.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.errors, self.foreign, self.received, self.sent = [], [], 0, 0
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("websocket", self._opened)
        self.set("notification", fetchNews="false", checkForUpdates=False)  # no pop-up in the way
        self.set("themes", theme="JupyterLab Dark" if dark else "JupyterLab Light")
        self.open(notebook)

    def open(self, notebook):
        self.notebook = notebook
        path = f"{self.address}/lab/tree/{notebook}?token={self.token}&reset"
        self.page.goto(path)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        # Cells that are run before the kernel is connected raise a dialog instead.
        self.page.wait_for_selector("text=| Idle", timeout=60_000)
        self.page.wait_for_timeout(500)

    def set(self, plugin, **settings):
        """Store settings as the settings editor does, before a page is opened."""
        body = json.dumps({"raw": json.dumps(settings)}).encode()
        where = f"{self.address}/lab/api/settings/@jupyterlab/apputils-extension:{plugin}"
        request = urllib.request.Request(f"{where}?token={self.token}", body, method="PUT")
        urllib.request.urlopen(request).read()

    def run_all(self, timeout=120):
        """Run > Run All Cells, by the menu, and wait until every cell has its number."""
        self.page.click("text=Run >> visible=true")
        self.page.click("text=Run All Cells >> visible=true")
        self.wait_until_run(timeout)

    def wait_until_run(self, timeout=120):
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
                 .every(p => /\\[\\d+\\]|\\[ ?\\]/.test(p.textContent)) &&
               [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
                 .some(p => /\\d/.test(p.textContent))""",
            timeout=timeout * 1000,
        )
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]",
            state="attached",  # a narrow page hides it
            timeout=timeout * 1000,
        )

    def wait_until_complete(self, folder, seconds=60):
        """Wait until the browser has every state, so that it needs the kernel no more."""
        for _ in range(seconds * 4):
            if self.ask_kernel(folder, f"{TRUTH}.complete()"):
                self.page.wait_for_timeout(500)  # until the last table has crossed
                return
            self.page.wait_for_timeout(250)
        raise RuntimeError(f"the explorables were not complete after {seconds} s")

    def save(self):
        self.page.keyboard.press("Control+s")
        self.page.wait_for_selector(".lm-TabBar-tab.jp-mod-dirty", state="detached", timeout=30_000)

    def explorables(self):
        return self.page.locator(".bn-explorable")

    def kernel_id(self):
        """The kernel of the open notebook, as the server has it."""
        with urllib.request.urlopen(f"{self.address}/api/sessions?token={self.token}") as answer:
            sessions = json.loads(answer.read())
        return next(s["kernel"]["id"] for s in sessions if s["path"] == self.notebook)

    def ask_kernel(self, folder, expression):
        """The value of an expression in the notebook's kernel, by way of JSON."""
        file = Path(folder) / ".jupyter-state" / "runtime" / f"kernel-{self.kernel_id()}.json"
        client = BlockingKernelClient(connection_file=str(file))
        client.load_connection_file()
        client.start_channels()
        try:
            code = {"answer": f"__import__('json').dumps({expression})"}
            message = client.execute("", user_expressions=code, store_history=False, reply=True)
            answer = message["content"]["user_expressions"]["answer"]
            assert answer["status"] == "ok", answer
            return json.loads(ast.literal_eval(answer["data"]["text/plain"]))
        finally:
            client.stop_channels()

    def faults(self):
        """What axe-core finds serious or critical in the explorables of the page."""
        self.page.add_script_tag(path=AXE)
        found = self.page.evaluate("() => axe.run('.bn-explorable')")
        assert len(found["passes"]) > 5, "axe-core looked at nothing"
        return [
            (violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def screenshot(self, path, **options):
        self.page.screenshot(path=path, **options)

    def close(self):
        self.context.close()

    def _heard(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, request):
        own = (self.address, self.address.replace("http", "ws"), "data:", "blob:")
        if not request.url.startswith(own):
            self.foreign.append(request.url)

    def _opened(self, websocket):
        def received(payload):
            self.received += len(payload)

        def sent(payload):
            self.sent += len(payload)

        websocket.on("framereceived", received)
        websocket.on("framesent", sent)
