"""Becomes a command in a root file system, as an engine starts one: a user without powers, under a filter of system calls.

    become.py PROFILE ROOT UID:GID COMMAND...

PROFILE is the engine's default one, as Debian ships it with buildah; a user without capabilities gets no more of it than
what needs none. Run by Debian's own Python, which has the bindings of libseccomp.
"""

import ctypes
import json
import os
import sys
import warnings  # noqa: F401  execvp() wants it, and cannot find it any more then

import seccomp

PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
CAPABILITIES_MAX = 64
OPERATORS = {f"SCMP_CMP_{name}": getattr(seccomp, name) for name in ("EQ", "NE", "LT", "LE", "GE", "GT", "MASKED_EQ")}


def action(rule, name, errno):
    return seccomp.ERRNO(rule.get(errno) or 1) if rule[name] == "SCMP_ACT_ERRNO" else seccomp.ALLOW


def is_for_us(rule):
    """Whether a rule is one for this machine, and for whom has no capability."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    wanted, unwanted = rule.get("includes") or {}, rule.get("excludes") or {}
    return not wanted.get("caps") and machine in (wanted.get("arches") or [machine]) and machine not in (unwanted.get("arches") or [])


def argument(one):
    values = (one["value"], one["valueTwo"]) if one["op"] == "SCMP_CMP_MASKED_EQ" else (one["value"],)
    return seccomp.Arg(one["index"], OPERATORS[one["op"]], *values)


def read_filter(path):
    with open(path, encoding="utf-8") as file:
        profile = json.load(file)
    calls = seccomp.SyscallFilter(action(profile, "defaultAction", "defaultErrnoRet"))
    for rule in filter(is_for_us, profile["syscalls"]):
        for name in rule["names"]:
            try:
                calls.add_rule(action(rule, "action", "errnoRet"), name, *map(argument, rule.get("args") or []))
            except (OSError, RuntimeError, ValueError):
                pass  # a call that this machine does not have, or what is the default anyway
    return calls


def main(profile, root, user, *command):
    calls = read_filter(profile)
    uid, gid = map(int, user.split(":"))
    libc = ctypes.CDLL(None, use_errno=True)
    os.chroot(root)
    os.chdir("/")
    for capability in range(CAPABILITIES_MAX):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # those that there are
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no new privileges")
    calls.load()
    os.execvp(command[0], command)


main(*sys.argv[1:])
