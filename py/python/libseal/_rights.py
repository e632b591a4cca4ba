"""Who may do what with a file that takes the place of another."""

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path as FilePath

ACL = "system.posix_acl_access"


def take_over_rights(fd: int, path: FilePath, old: os.stat_result) -> None:
    """Give a new file the owner, group, ACL and mode of the file at ``path``, and never more.

    The group's and others' rights are given only if group and ACL are the old ones: they would
    reach others otherwise. Those to run as another user are not for content that a stranger may
    have sealed.
    """
    if sys.platform == "win32":
        return
    # While group and ACL change. On file systems with one mode for all files, that stays.
    with suppress(PermissionError):
        set_mode(fd, 0o600)
    # Each alone: setting the owner takes root, setting the group does not.
    for uid, gid in ((-1, old.st_gid), (old.st_uid, -1)):
        with suppress(OSError):
            os.fchown(fd, uid, gid)
    same_group = os.fstat(fd).st_gid == old.st_gid
    kept = same_group and _take_over_acl(fd, path)
    set_mode(fd, stat.S_IMODE(old.st_mode) & (0o777 if kept else 0o700))


def set_mode(fd: int, mode: int) -> None:
    """Set the mode, except to what it is: some file systems have only one."""
    if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
        os.fchmod(fd, mode)


def _take_over_acl(fd: int, path: FilePath) -> bool:
    """Give the file the ACL of another, or none if that has none; False if this fails."""
    if sys.platform != "linux":
        return True
    none = (errno.ENODATA, errno.EOPNOTSUPP)
    try:
        acl = os.getxattr(path, ACL)
    except OSError as error:
        if error.errno not in none:
            return False
        acl = None
    try:
        if acl is None:
            # The folder may have given it one, whose entries the mode would bring to life.
            os.removexattr(fd, ACL)
        else:
            os.setxattr(fd, ACL, acl)
    except OSError as error:
        return acl is None and error.errno in none
    return True
