"""Files on disk: written whole or not at all, made once, and with ``~`` for the home folder.

`atomic_write` is the one way in which this package writes a file: into a partial file in the same folder, which takes
the target's name only when it is complete. A crash, a full disk or a second writer leaves the old file or the new one.
"""

import contextlib
import errno
import io
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

PREFIX = ".hashnets-"  # partial files: short, so that a name of 255 bytes is writable too
SUFFIX = ".partial"
DAY = 24 * 60 * 60.0  # seconds
ATTEMPTS = 20
Content = bytes | Callable[[BinaryIO], object]


def user_path(path: str | os.PathLike) -> Path:
    """Turn what a user gave into a path, with ``~`` replaced by the home folder.

    Raises
    ------
    ValueError
        If the path starts with ``~`` and no home folder is known, or if no file can have such a name.
    """
    try:
        unusable = b"\0" in os.fsencode(path)
    except UnicodeEncodeError:
        unusable = True
    if unusable:
        raise ValueError(f"no file can be named {os.fspath(path)!r}; it holds a character that file names cannot hold")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"cannot expand ~ in {os.fspath(path)!r}: {error}; give the whole path or set HOME") from error


def file_path(path: str | os.PathLike) -> Path:
    """Turn the name of a file to be written into a path; a name that ends in a slash is that of a folder."""
    text = os.fspath(path)
    if not text or text.endswith(("/", os.sep)):
        raise IsADirectoryError(errno.EISDIR, "is the name of a folder; add the name of a file", text)
    return user_path(path)


def atomic_write(path: str | os.PathLike, content: Content) -> None:
    """Write a file so that it is never seen half written.

    A link is followed and stays a link. The permissions of a file that is replaced are kept, and one that is marked
    read-only is not replaced. What is not a file, such as a FIFO or /dev/null, is written into and stays what it is.
    Other hard links to a replaced file keep the old content.

    Parameters
    ----------
    path : str or path
        The file; ``~`` is the home folder.
    content : bytes or function
        What to write, or a function that writes it into a binary file; it may be called more than once.

    Raises
    ------
    OSError
        If the file cannot be written. The message names `path`; what stood there before is unchanged.
    """
    path = file_path(path)
    try:
        if is_stream(path):
            path.write_bytes(content if isinstance(content, bytes) else rendered(content))
        else:
            replace(Path(os.path.realpath(path)), content)  # what a link leads to, so that the link stays
    except OSError as error:
        raise OSError(error.errno or errno.EIO, reason(error, path), str(path)) from error


def check_place(path: str | os.PathLike) -> None:
    """Ask whether `atomic_write` could write a file, before hours of work and not after; nothing is written.

    Raises
    ------
    OSError
        If it could not. The message names `path`.
    """
    path = file_path(path)
    try:
        if not is_stream(path):
            target = Path(os.path.realpath(path))
            check_writable(target)
            check_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno or errno.EIO, reason(error, path), str(path)) from error


def check_folder(folder: Path) -> None:
    """Make and remove a file in a folder; os.access would say yes for /proc."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(error.errno, f"its folder must exist and be writable ({error.strerror})") from error


def rendered(content: Callable[[BinaryIO], object]) -> bytes:
    """Call a writing function and return what it wrote."""
    buffer = io.BytesIO()
    content(buffer)
    return buffer.getvalue()


def reason(error: OSError, path: Path) -> str:
    """Say why a file could not be written; NumPy's own errors have no `strerror`."""
    folder = Path(os.path.realpath(path)).parent  # of what a link leads to
    if isinstance(error, FileNotFoundError) and not folder.is_dir() and error.filename:
        return f"cannot be written: there is no folder {folder if path.is_symlink() else path.parent}"
    return error.strerror or str(error)


def is_stream(path: Path) -> bool:
    """Tell whether a path is to be written into and never replaced: a FIFO, a terminal, /dev/null, /dev/stdout."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISREG(mode):
        return str(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))  # they lead to open files by number
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file")
    raise OSError(errno.EINVAL, "is neither a file nor a pipe")


def replace(target: Path, content: Content) -> None:
    """Write a partial file beside the target, then rename it.

    Between making a partial file and locking it there is a moment in which another writer may mistake it for a leftover
    and delete it; then everything is done again.
    """
    check_writable(target)
    remove_leftovers(target.parent)
    for attempt in range(ATTEMPTS):
        partial = target.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
        try:
            write_partial(partial, target, content)
            return
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1 or not target.parent.is_dir():
                raise
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


def check_writable(target: Path) -> None:
    """Refuse to replace a file that is read-only, as an editor does; renaming alone would not ask (nor would root)."""
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise PermissionError(errno.EACCES, "is read-only")


def write_partial(partial: Path, target: Path, content: Content) -> None:
    """Fill the partial file, bring it safely to the disk and give it the name of the target."""
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
    with open(descriptor, "wb") as file:
        lock_if_free(file)
        if isinstance(content, bytes):
            file.write(content)
        else:
            content(file)
        file.flush()
        os.fsync(file.fileno())  # a disk that is full may say so only here
        if target.exists():
            keep_owner_and_mode(partial, target)
        if os.name != "nt":  # with the lock held: nobody takes it for a leftover
            os.replace(partial, target)
    if os.name == "nt":  # an open file cannot be renamed there, nor deleted by others
        os.replace(partial, target)
    sync_folder(target.parent)


def keep_owner_and_mode(partial: Path, target: Path) -> None:
    """Give the new file the owner, as far as allowed, and the permissions of the old one."""
    old = target.stat()
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(partial, old.st_uid, old.st_gid)
    with contextlib.suppress(OSError):  # a file system without permissions
        os.chmod(partial, stat.S_IMODE(old.st_mode))


def sync_folder(folder: Path) -> None:
    """Bring the new name to the disk as well, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Delete partial files of processes that were killed: those that nobody holds locked."""
    with contextlib.suppress(OSError):
        for path in list(folder.glob(f"{PREFIX}*{SUFFIX}")):
            with contextlib.suppress(OSError), open(path, "rb+") as file:
                locked_by_none = lock_if_free(file)
                if locked_by_none or (locked_by_none is None and path.stat().st_mtime < time.time() - DAY):
                    path.unlink()


def lock_if_free(file: BinaryIO) -> bool | None:
    """Lock a file unless another holds it; None where the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except (ImportError, AttributeError, OSError):  # in a browser fcntl exists, but is empty
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for an exclusive lock on `path`.lock and hold it; the system frees it when its process ends."""
    with open(path.with_name(path.name + ".lock"), "a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        elif sys.platform != "emscripten":  # a browser has no other process
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
