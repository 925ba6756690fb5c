"""nbconvert's way of writing files, made safe: never is there half of one."""

import os
from pathlib import Path

from nbconvert.writers import FilesWriter
from traitlets.config import Application


class WholeFilesWriter(FilesWriter):
    """nbconvert's writer, but the old file stays until the new one is whole."""

    def write(self, output, resources, notebook_name=None, **kw):
        ending = f".{os.getpid()}.part"
        target = notebook_name + resources.get("output_extension", "")
        folder = Path(self.build_directory or resources.get("metadata", {}).get("path", ""))
        part = folder / (notebook_name + ending + resources.get("output_extension", ""))
        try:
            super().write(output, resources, notebook_name=notebook_name + ending, **kw)
            return part.replace(folder / target)
        finally:
            part.unlink(missing_ok=True)


def replace_writer():
    """Make `jupyter nbconvert` write like that, if it is what runs, and to files."""
    app = Application.instance() if Application.initialized() else None
    if type(getattr(app, "writer", None)) is FilesWriter:
        app.writer = WholeFilesWriter(parent=app)
