"""The processes of a server, as the system tells them."""
import os


def workers_of(pid):
    """Child processes, oldest first."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except (OSError, ValueError):  # no process, or it ended meanwhile
            continue
        if entry.isdigit() and fields[1] == str(pid) and fields[0] != "Z":
            found.append((int(fields[19]), int(entry)))
    return [pid for _, pid in sorted(found)]
