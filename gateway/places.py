"""Where the embedded PostgreSQL and Redis may live, and as whom. Standard library only.

Three facts decide: PostgreSQL refuses to run as root; a Unix socket's path has at most 107 bytes; and the account that
PostgreSQL runs as must be able to enter every directory above its files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432.lock")
SHORT = Path("/tmp")  # noqa: S108 - every fallback below it is private, and its owner is checked before each use
LASTING = Path("/var/tmp")  # noqa: S108 - the same, but it survives a restart of the machine


class Unusable(Exception):
    """A directory cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that PostgreSQL runs as when we are root."""

    name: str
    uid: int
    gid: int


def account(data: Path) -> Account | None:
    """Who runs PostgreSQL: ourselves (None) unless we are root, then the owner of `data`, or `nobody` for a new one."""
    if os.geteuid() != 0:
        return None
    try:
        owner = data.stat().st_uid
    except OSError:
        owner = 0
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError as error:
        raise Unusable(
            "PostgreSQL does not run as root, and this machine has no user `nobody` to run it as. "
            "Run as a plain user, or set DATABASE_URL."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def home(directory: Path) -> Path:
    """`directory`, or its stand-in under /var/tmp when PostgreSQL's account cannot get there (a checkout in /root).

    A stand-in has a random name, which is noted in `directory`: whoever removes `directory` starts from nothing.
    """
    directory = directory.resolve()
    note = directory / "elsewhere"
    if os.geteuid() != 0 or (not note.exists() and enterable(directory.parent, account(directory / "data"))):
        return directory
    if not note.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = directory / f".elsewhere.{secrets.token_hex(8)}"
        draft.write_text(str(LASTING / f"tollgate-{secrets.token_hex(8)}"), encoding="utf-8")
        with contextlib.suppress(FileExistsError):  # another process was quicker
            os.link(draft, note)
        draft.unlink()
    return Path(note.read_text(encoding="utf-8"))


def socket_directory(wanted: Path, who: Account | None = None) -> Path:
    """`wanted`, or a short private directory when a socket's path there would be too long or not fit into a URL."""
    wanted = wanted.resolve()
    if len(os.fsencode(wanted)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT and "," not in str(wanted):
        return wanted
    short = SHORT / f"tollgate-{_fingerprint(wanted)}"
    if short.is_symlink() or (short.exists() and short.stat().st_uid not in _trusted(who)):
        raise Unusable(f"{short} belongs to somebody else. Remove it, or set DATABASE_URL and REDIS_URL.")
    return short


def enterable(directory: Path, who: Account | None) -> bool:
    """Whether `who` may enter `directory` and everything above it. What does not exist yet is not in the way."""
    if who is None or who.uid == 0:
        return True
    for place in (directory, *directory.parents):
        try:
            found = place.stat()
        except FileNotFoundError:
            continue
        needed = stat.S_IXOTH
        if found.st_uid == who.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == who.gid:
            needed = stat.S_IXGRP
        if not found.st_mode & needed:
            return False
    return True


def claim(directory: Path, who: Account | None) -> None:
    """Make `directory` private to `who` (to us when None). Raises Unusable when it is somebody else's."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.is_symlink() or directory.stat().st_uid not in _trusted(who):
            raise Unusable(
                f"{directory} belongs to another user. Run as that user, or remove it to start from nothing, "
                "or set DATABASE_URL and REDIS_URL."
            )
        if who and directory.stat().st_uid != who.uid:
            os.chown(directory, who.uid, who.gid)
        directory.chmod(0o700)
    except PermissionError as error:
        raise Unusable(f"{error.filename} may not be written by this user. Run as its owner, or remove it.") from error


def programs(package: Path, library: str, who: Account | None) -> Path:
    """The installed `package`, or a copy that `who` can reach. `library` is the folder beside it that it links to."""
    if enterable(package, who):
        return package
    version = (package / "bin").stat().st_mtime_ns  # another release is another copy
    target = LASTING / f"tollgate-programs-{_fingerprint(package, version)}"
    reached = target / package.parent.name / package.name
    if not reached.exists():
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copytree(package, fresh / package.parent.name / package.name, symlinks=True)
        shutil.copytree(package.parent.parent / library, fresh / library)
        for each in (fresh, *fresh.rglob("*")):
            if not each.is_symlink():
                each.chmod(0o755 if each.is_dir() or each.stat().st_mode & stat.S_IXUSR else 0o644)
        os.replace(fresh, target)
    if target.stat().st_uid != os.geteuid() or target.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unusable(f"{target} belongs to somebody else. Remove it, or set DATABASE_URL.")
    return reached


def _trusted(who: Account | None) -> tuple[int, ...]:
    return (os.geteuid(), who.uid) if who else (os.geteuid(),)


def _fingerprint(path: Path, *more: int) -> str:
    """A short name for one path as seen by one user, so that two copies and two users never meet."""
    return hashlib.sha256(repr((os.geteuid(), str(path), *more)).encode()).hexdigest()[:12]
