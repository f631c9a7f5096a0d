"""A file system in a file, for tests of what a disk does to the programs on it."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest


class FileSystem(contextlib.AbstractContextManager):
    """An ext4 of its own, mounted in a temporary folder; skips the test where that is not possible.

    Where CI (the variable) runs as root it has to be possible, so that the test cannot be left out for ever.

    The kernel writes nothing back to it by itself for 600 s of journal: what a program did not sync is only
    in memory for as long as a test takes.
    """

    def __init__(self, mib: int) -> None:
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            raise self._impossible("a file system in a file needs root and mkfs.ext4")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="signalbox-disk-"))
        self.image, self.root = self.folder / "image", self.folder / "root"
        self.root.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", self.image], check=True)
        try:
            self._mount()
        except Exception:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def __exit__(self, *_: object) -> None:
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut_power(self) -> None:
        """Goes on with what was on the disk at this moment: what was only in memory is gone.

        No program may have a file open here.
        """
        copy = self.folder / "copy"
        subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
        self._unmount()  # Writes everything, but to the disk of before.
        copy.rename(self.image)
        self._mount()

    def _mount(self) -> None:
        done = subprocess.run(["mount", "-o", "loop,commit=600", self.image, self.root], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise self._impossible(f"no loop device can be mounted: {done.stderr.strip()}")

    @staticmethod
    def _impossible(why: str) -> Exception:
        must_run = os.environ.get("CI") and os.geteuid() == 0
        return RuntimeError(why) if must_run else unittest.SkipTest(why)

    def _unmount(self) -> None:
        subprocess.run(["umount", self.root], check=True)
