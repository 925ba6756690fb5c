"""A file that cannot be written whole is not written at all."""

import pytest

from bn_teach.files import write_whole


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "deck.html"
    write_whole(path, "old")

    def full(self, target):
        raise OSError("no space left")

    monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["deck.html"]
