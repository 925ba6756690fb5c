"""Files are written beside their place and then renamed: never is there half of one."""

import os


def write_whole(path, content):
    """Write text or bytes to a file: all of it or, if that fails, nothing. Folders are made.

    Raises OSError where the place cannot be written to; the old file is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
