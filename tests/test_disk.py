"""Files are written whole or not at all, whoever writes at the same time and whatever stands there already."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import hashnets_np as hn
from hashnets_np.support import disk
from hashnets_np.support.disk import atomic_write, check_place, locked, user_path

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


def test_a_file_gets_the_content_and_nothing_else_stays(tmp_path):
    for content in (b"first", b"", lambda file: file.write(b"written by a function")):
        atomic_write(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == b"written by a function"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_what_stops_a_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    def half(file):
        file.write(b"half of the n")
        raise error

    atomic_write(tmp_path / "file", b"old")
    with pytest.raises(type(error)) as caught:
        atomic_write(tmp_path / "file", half)
    assert (tmp_path / "file").read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]
    if isinstance(error, OSError):  # the file that was asked for is named, not the partial one
        assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(tmp_path / "file")
        assert caught.value.strerror == "No space left on device"


def test_eight_threads_write_one_file(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([n]) * 100_000 for n in range(8)]
    failed = []

    def work(content):
        for _ in range(20):
            try:
                atomic_write(path, content)
                assert path.read_bytes() in contents
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and os.listdir(tmp_path) == ["file"]


@posix
def test_partial_files_of_killed_processes_are_removed_and_those_of_living_ones_are_not(tmp_path):
    hang = ("import sys, time; from hashnets_np.support.disk import atomic_write\n"
            "atomic_write(sys.argv[1], lambda file: (file.write(b'half'), file.flush(), time.sleep(60)))")
    with subprocess.Popen([sys.executable, "-c", hang, str(tmp_path / "other")]) as process:
        try:
            while not list(tmp_path.glob("*.partial")):
                assert process.poll() is None
                time.sleep(0.02)
            time.sleep(0.2)  # by now it holds its lock
            atomic_write(tmp_path / "file", b"1")
            assert len(list(tmp_path.glob("*.partial"))) == 1
        finally:
            process.send_signal(signal.SIGKILL)
    atomic_write(tmp_path / "file", b"2")
    assert os.listdir(tmp_path) == ["file"]


def test_a_partial_file_that_another_writer_took_for_a_leftover_is_written_again(tmp_path):
    calls = []

    def steal_the_first(file):
        calls.append(file)
        file.write(b"content")
        if len(calls) == 1:
            Path(next(tmp_path.glob("*.partial"))).unlink()

    if os.name == "nt":
        pytest.skip("an open file cannot be deleted there")
    atomic_write(tmp_path / "file", steal_the_first)
    assert len(calls) == 2 and (tmp_path / "file").read_bytes() == b"content"


@posix
def test_a_pipe_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for content in (b"through the pipe", lambda file: file.write(b"through the pipe")):
        got = []
        reader = threading.Thread(target=lambda got=got: got.append((tmp_path / "pipe").read_bytes()))
        reader.start()
        atomic_write(tmp_path / "pipe", content)
        reader.join()
        assert got == [b"through the pipe"] and stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


@posix
def test_devices_are_written_into_and_other_things_are_refused(tmp_path, monkeypatch):
    character = os.stat_result((stat.S_IFCHR | 0o666, *[0] * 9))
    block = os.stat_result((stat.S_IFBLK | 0o666, *[0] * 9))
    monkeypatch.setattr(disk.os, "stat", lambda path: character)  # never a real device
    assert disk.is_stream(tmp_path / "device")
    monkeypatch.setattr(disk.os, "stat", lambda path: block)
    with pytest.raises(OSError, match="neither a file nor a pipe"):
        disk.is_stream(tmp_path / "disk")
    monkeypatch.undo()
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        atomic_write(tmp_path, b"")


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(Path("folder") / "file")
    for content in (b"made through a link", b"replaced through a link"):
        atomic_write(tmp_path / "link", content)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "folder" / "file").read_bytes() == content
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle"):
        atomic_write(tmp_path / "circle", b"")
    assert (tmp_path / "circle").is_symlink()


@posix
def test_permissions_are_kept_and_new_files_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        atomic_write(tmp_path / "file", b"")
        assert stat.S_IMODE(os.stat(tmp_path / "file").st_mode) == 0o640
        os.chmod(tmp_path / "file", 0o604)
        atomic_write(tmp_path / "file", b"new")
        assert stat.S_IMODE(os.stat(tmp_path / "file").st_mode) == 0o604
        os.umask(0o020)
        atomic_write(tmp_path / "another", b"")  # not executable for anybody
        assert stat.S_IMODE(os.stat(tmp_path / "another").st_mode) == 0o646
    finally:
        os.umask(old)


def test_a_read_only_file_is_not_replaced(tmp_path):
    atomic_write(tmp_path / "file", b"old")
    for mode in (0o444, 0o555):  # a program too
        os.chmod(tmp_path / "file", mode)
        with pytest.raises(PermissionError, match=r"is read-only.*file"):
            atomic_write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("length", [200, 241, 255])
def test_names_of_any_length_that_the_system_allows_are_written(tmp_path, length):
    hn.save(hn.Network([hn.ReLU()]), tmp_path / ("x" * length))
    assert os.listdir(tmp_path) == ["x" * length]


def test_errors_name_what_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*missing.*missing.x'$"):
        hn.save(hn.Network([hn.ReLU()]), tmp_path / "missing" / "x")


@pytest.mark.parametrize("name", ["new/", "there/", "", "."])
def test_the_name_of_a_folder_is_not_taken_for_that_of_a_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_bytes(b"old")
    for write in (disk.check_place, lambda path: atomic_write(path, b"x")):
        with pytest.raises(IsADirectoryError, match=r"is (the name of )?a folder"):
            write(name)
    assert os.listdir(tmp_path) == ["there"] and (tmp_path / "there").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_named(name, tmp_path):
    for use in (lambda path: atomic_write(path, b"x"), disk.check_place, hn.load):
        with pytest.raises(ValueError, match="no file can be named '") as error:
            use(str(tmp_path / name))
        assert "\n" not in str(error.value)


@posix
def test_a_link_into_a_folder_that_is_gone_names_that_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone" / "file")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*gone"):
        atomic_write(tmp_path / "link", b"x")


def test_the_home_folder_is_found_and_a_missing_one_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    atomic_write("~/file", b"at home")
    assert (tmp_path / "file").read_bytes() == b"at home"

    def homeless(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(ValueError, match="cannot expand ~ in '~/file'"):
        user_path("~/file")


def test_a_lock_lets_one_in_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with locked(tmp_path / "thing"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 80


def test_a_file_is_complete_and_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    order, real = [], os.replace

    def replace(partial, target):
        order.append(("renamed", Path(partial).read_bytes()))
        real(partial, target)

    monkeypatch.setattr(disk.os, "replace", replace)
    monkeypatch.setattr(disk.os, "fsync", lambda descriptor: order.append(("synced", None)))
    for content in (b"small", lambda file: file.write(b"small")):
        order.clear()
        atomic_write(tmp_path / "file", content)
        assert order[:2] == [("synced", None), ("renamed", b"small")]
        assert order[2:] == ([("synced", None)] if os.name == "posix" else [])  # the folder, which holds the new name


def test_it_is_asked_beforehand_whether_a_place_is_writable_and_nothing_is_written(tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    for name in ("old", "new"):
        check_place(tmp_path / name)
    assert os.listdir(tmp_path) == ["old"]
    os.chmod(tmp_path / "old", 0o444)
    with pytest.raises(PermissionError, match=r"is read-only.*old'$"):
        check_place(tmp_path / "old")
    for missing in (tmp_path / "missing" / "file", tmp_path / "missing" / "too" / "file"):
        with pytest.raises(FileNotFoundError, match=r"its folder must exist and be writable \(No such.*file'$"):
            check_place(missing)
    with pytest.raises(NotADirectoryError, match=r"Not a directory.*file'$"):
        check_place(tmp_path / "old" / "file")
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        check_place(tmp_path)


@posix
def test_a_pipe_is_a_place_and_needs_no_reader_to_be_asked(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.chmod(tmp_path / "pipe", 0o400)  # its folder and mode do not matter: nothing is made or replaced there
    check_place(tmp_path / "pipe")
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="this system has no /dev/fd")
def test_an_open_file_by_its_number_is_written_into(tmp_path):
    with open(tmp_path / "output", "wb") as file:
        assert disk.is_stream(Path(f"/dev/fd/{file.fileno()}")) is True
    assert disk.is_stream(tmp_path / "output") is False


def test_an_error_without_a_number_is_an_error_of_the_device(tmp_path):
    def fail(file):
        raise OSError("NumPy's words")

    with pytest.raises(OSError, match=r"NumPy's words.*file") as error:
        atomic_write(tmp_path / "file", fail)
    assert error.value.errno == errno.EIO


def test_a_file_that_the_content_misses_is_not_taken_for_a_missing_folder(tmp_path):
    def fail(file):
        raise FileNotFoundError(errno.ENOENT, "no such data set", "data.csv")

    with pytest.raises(FileNotFoundError, match="no such data set"):
        atomic_write(tmp_path / "file", fail)


def test_a_partial_file_that_is_always_taken_away_is_an_error_in_the_end(tmp_path, monkeypatch):
    attempts = []

    def stolen(partial, target, content):
        attempts.append(partial.name)
        raise FileNotFoundError(errno.ENOENT, "gone", str(partial))

    monkeypatch.setattr(disk, "write_partial", stolen)
    with pytest.raises(FileNotFoundError, match="gone"):
        atomic_write(tmp_path / "file", b"")
    assert len(attempts) == disk.ATTEMPTS == len(set(attempts))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        atomic_write(tmp_path / "missing" / "file", b"")
    assert len(attempts) == disk.ATTEMPTS + 1  # no second attempt where there is no folder


@posix
def test_the_new_file_belongs_to_the_owner_of_the_old_one(tmp_path, monkeypatch):
    owners = []
    atomic_write(tmp_path / "file", b"old")
    old = os.stat(tmp_path / "file")
    monkeypatch.setattr(disk.os, "chown", lambda path, *owner: owners.append(owner), raising=False)
    atomic_write(tmp_path / "file", b"new")
    atomic_write(tmp_path / "another", b"new")
    assert owners == [(old.st_uid, old.st_gid)]


@pytest.mark.parametrize(("hours", "stays"), [(0, True), (23.9, True), (24.05, False)])
def test_where_no_file_can_be_locked_a_partial_one_is_a_leftover_after_a_day(tmp_path, monkeypatch, hours, stays):
    monkeypatch.setattr(disk, "lock_if_free", lambda file: None)
    partial = tmp_path / ".hashnets-0123456789abcdef.partial"
    partial.write_bytes(b"half")
    then = time.time() - 3600 * hours
    os.utime(partial, (then, then))
    atomic_write(tmp_path / "file", b"whole")
    assert partial.exists() == stays


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_no_file_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        atomic_write(tmp_path / "file", b"")
        check_place(tmp_path / "file")
        with locked(tmp_path / "file"):
            pass
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_where_an_open_file_cannot_be_renamed_it_is_renamed_after_it_is_closed(tmp_path, monkeypatch):
    closed = []

    def content(file):
        file.write(b"whole")
        closed.append(file)

    def replace(partial, target):
        assert closed[0].closed
        os.rename(partial, target)

    partial = tmp_path / ".hashnets-0.partial"
    monkeypatch.setattr(disk.os, "replace", replace)
    monkeypatch.setattr(disk.os, "name", "nt")
    disk.write_partial(partial, tmp_path / "file", content)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"whole"
