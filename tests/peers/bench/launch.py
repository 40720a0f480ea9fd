"""Starts a process, several times in a row where it is short, and says what each took: seconds from before its start
until it has ended, its peak resident memory in bytes, its exit status; a line each.

    python3 -I -S launch.py COUNT OUT ERR COMMAND...

It imports next to nothing: a process's peak counts what its parent held when it was started, and what is timed is the
process and not the starting of it."""
import os
import sys
import time

count, out, err, *command = sys.argv[1:]
empty = os.open(os.devnull, os.O_RDONLY)
for _ in range(int(count)):
    files = [empty] + [os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for name in (out, err)]
    actions = [(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)]
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    os.close(files[1])
    os.close(files[2])
    print(seconds, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))
