#!/usr/bin/env python3
"""Lines of each reader that its kept corpus reaches; less than 90 % is a failure. Usage: tests/fuzz/coverage.py [-v] [READER|TARGET...]

Source-based coverage of Clang (preset coverage), over tests/fuzz/corpus alone: nothing that a machine happened to find counts.
-v names the lines that are not reached.
"""
import json
import os
import subprocess
import sys

import readers as table

PRESET = "coverage"
LEAST_PERCENT = 90
OUT = os.path.join(table.ROOT, "build/coverage-data")


def replay(target):
    """Runs the kept inputs; returns the profile, or the end of what the program said."""
    raw, merged = os.path.join(OUT, target + ".profraw"), os.path.join(OUT, target + ".profdata")
    done = subprocess.run([table.program(target, PRESET), "-runs=0", table.corpus(target)], cwd=table.ROOT, capture_output=True,
                          text=True, errors="replace", env=table.environment(LLVM_PROFILE_FILE=raw), check=False)
    if done.returncode != 0:
        return None, "\n".join(done.stderr.splitlines()[-10:])
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", raw, "-o", merged], check=True)
    return merged, ""


def lines_of(reader):
    """{file: {line: reached}} over all targets of the reader. A line counts once however often a template made it."""
    lines = {}
    for target in reader["targets"]:
        profile = os.path.join(OUT, target + ".profdata")
        shown = subprocess.run(["llvm-cov-19", "export", table.program(target, PRESET), f"-instr-profile={profile}", "-format=lcov",
                                *(os.path.join(table.ROOT, name) for name in reader["files"])],
                               capture_output=True, text=True, check=True).stdout
        name = None
        for row in shown.splitlines():
            kind, _, rest = row.partition(":")
            if kind == "SF":
                name = os.path.relpath(rest, table.ROOT)
            elif kind == "DA":
                number, hits = rest.split(",")[:2]
                place = lines.setdefault(name, {})
                place[int(number)] = place.get(int(number), False) or int(hits) > 0
    return lines


def main():
    names = [a for a in sys.argv[1:] if a != "-v"]
    readers = table.chosen(table.load(), names)
    targets = table.targets_of(readers)
    os.makedirs(OUT, exist_ok=True)
    fault = table.build(PRESET, targets)
    if fault:
        print(fault + "\n0 passed, 1 failed, 0 skipped")
        return 1
    broken = {target: said for target, (profile, said) in zip(targets, table.side_by_side(replay, targets)) if not profile}
    passed = failed = 0
    report = {}
    for reader in readers:
        bad = [target for target in reader["targets"] if target in broken]
        if bad:
            print(f"FAILED {reader['name']}: its corpus does not pass {', '.join(bad)}\n{broken[bad[0]]}")
            failed += 1
            continue
        lines = lines_of(reader)
        missing = [name for name in reader["files"] if name not in lines]
        total = sum(len(place) for place in lines.values())
        reached = sum(sum(place.values()) for place in lines.values())
        percent = 100 * reached / max(total, 1)
        is_right = percent >= LEAST_PERCENT and not missing
        passed, failed = passed + is_right, failed + (not is_right)
        print(f"{'ok     ' if is_right else 'FAILED '}{percent:5.1f} %  {reached} of {total} lines  {reader['name']}"
              + (f"  (nothing of {', '.join(missing)})" if missing else ""), flush=True)
        for text in reader.get("left_out", []):
            print(f"                 not reached: {text}")
        for name, place in sorted(lines.items()) if "-v" in sys.argv else []:
            unreached = [str(number) for number, hit in sorted(place.items()) if not hit]
            print(f"                 {name}: {100 - 100 * len(unreached) / max(len(place), 1):.0f} %  {' '.join(unreached)}")
        report[reader["name"]] = round(percent, 1)
    with open(os.path.join(OUT, "coverage.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
