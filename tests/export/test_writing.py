"""A file that cannot be written whole is not written at all."""

import pytest
from nbconvert.writers import FilesWriter

from bn_teach.export import writing


def test_nbconverts_writer_leaves_the_old_file_too(tmp_path, monkeypatch):
    (tmp_path / "a.slides.html").write_text("old")
    resources = {"output_extension": ".slides.html", "metadata": {"path": str(tmp_path)}}
    writer = writing.WholeFilesWriter()
    with monkeypatch.context() as patch:
        patch.setattr(FilesWriter, "write", half)
        with pytest.raises(OSError, match="no space"):
            writer.write("new", resources, notebook_name="a")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [
        ("a.slides.html", "old")
    ]
    assert writer.write("new", resources, notebook_name="a") == tmp_path / "a.slides.html"
    assert (tmp_path / "a.slides.html").read_text() == "new"


def half(self, output, resources, notebook_name, **kw):
    """FilesWriter.write on a disk that fills up."""
    name = notebook_name + resources["output_extension"]
    (writing.Path(resources["metadata"]["path"]) / name).write_text(output[:2])
    raise OSError("no space left")
