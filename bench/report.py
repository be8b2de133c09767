"""The table of a comparison, with the goals of goals.toml beside what was measured."""
import os
import re
import subprocess
import tomllib

from pairs import shown

HERE = os.path.dirname(os.path.abspath(__file__))


def cpu_flags():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        words = set(re.search(r"^flags\s*:(.*)$", file.read(), re.M).group(1).split())
    return [flag for flag in ("avx2", "avx_vnni", "avx512_vnni", "amx_int8") if flag in words]


def lscpu():
    text = subprocess.run(["lscpu"], check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def machine_kind():
    """As the file of results is called: maker, family, model."""
    info = lscpu()
    return f"{info['Vendor ID']}-{info['CPU family']}-{info['Model']}"


def git(folder, *arguments):
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def machine_line():
    return f"machine: {lscpu()['Model name']}, {machine_kind()}, {os.cpu_count()} cores, {','.join(cpu_flags())}"


def head(folder, peers):
    """Compiler and commits. folder: of the built peers."""
    compiler = subprocess.run(["clang++-19", "--version"], capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    # What earlier rows wrote down is no change of the program.
    changed = git(HERE, "status", "--porcelain", "--untracked-files=no", "--", ":(top)", ":(top,exclude)bench/results")
    yield f"compiler: {compiler}; commit: {git(HERE, 'describe', '--always')}{'-dirty' if changed else ''}"
    libraries = {}
    for name in ("bench", "onnx"):
        with open(os.path.join(HERE, f"../tools/requirements/{name}.txt"), encoding="utf-8") as file:
            libraries.update(line.strip().split("==") for line in file)
    for peer in peers:
        sources = os.path.join(folder, {"llama-server": "llama.cpp"}.get(peer, peer))
        if peer in libraries:
            yield f"peer: {peer} {libraries[peer]}"
        elif os.path.isdir(sources):
            yield f"peer: {peer} {git(sources, 'rev-parse', '--short', 'HEAD')}, its best build or way to run for each figure"


def goals():
    with open(os.path.join(HERE, "goals.toml"), "rb") as file:
        return tomllib.load(file)


def goal_of(wanted, row, figure, peer):
    """What is wished of the figure beside this peer: {ratio, share, least, most, or_share}, those there are."""
    of_figure = wanted.get(row, {}).get(figure, {})
    goal = {**{key: value for key, value in of_figure.items() if not isinstance(value, dict)}, **of_figure.get(peer, {})}
    has_amx = "amx_int8" in cpu_flags()
    return {key: goal.get("amx_" + key, value) if has_amx else value for key, value in goal.items() if not key.startswith("amx_")}


def goal_text(goal, unit):
    parts = [f">= {goal['ratio']:g}x"] if "ratio" in goal else []
    if "share" in goal:
        parts.append(f">= {goal['share']:.0%} of roof")
    if "least" in goal:
        parts.append(f">= {goal['least']:g} {unit}")
    if "most" in goal:
        parts.append(f"<= {goal['most']:g} {unit}" + (f" or {goal['or_share']:.0%} of roof" if "or_share" in goal else ""))
    return ", ".join(parts)


def holds(goal, summary):
    ours, share = summary["ours"], summary["share_of_roof"] or 0
    return (summary.get("ratio", 0) >= goal.get("ratio", 0) and share >= goal.get("share", 0) and ours >= goal.get("least", 0) and
            (ours <= goal.get("most", ours) or share >= goal.get("or_share", 2)))


def verdict(goal, summary, report):
    if report["pairs"] < report["wanted"]:
        return f"no pass: {report['pairs']} of {report['wanted']} pairs"
    if not goal:
        return "-"
    return "holds" if holds(goal, summary) else "missed"


def lines_of(row, report, wanted):
    """The table's lines for a row."""
    for figure, of_peers in report["figures"].items():
        for peer, summary in of_peers.items():
            goal = goal_of(wanted, row.name, figure, peer)
            share = f"{summary['share_of_roof']:.0%}" if summary["share_of_roof"] else "-"
            paired = [shown(summary[key]) if key in summary else "-" for key in ("peer", "ratio", "min", "max")]
            result = verdict(goal, summary, report) if peer or not row.peers else "-"
            yield [row.name, figure, peer or "-", shown(summary["ours"]), paired[0], summary["unit"], *paired[1:], share,
                   goal_text(goal, summary["unit"]) or "-", result]
    for peer, advice in report["missing"].items():
        yield [row.name, "", peer] + ["-"] * 8 + [f"no pass: not here ({advice})"]
    if report["wrong"]:
        yield [row.name, "", ""] + ["-"] * 8 + [f"no pass: {report['wrong'].strip().splitlines()[-1]}"]


def table(results):
    """results: [(row, report)]."""
    wanted = goals()
    rows = [["row", "figure", "peer", "ours", "peer's", "unit", "ratio", "min", "max", "of roof", "goal", ""]]
    for row, report in results:
        rows += lines_of(row, report, wanted)
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]) - 1)]
    is_text = [True, True, True, False, False, True, False, False, False, False, True]
    return ["  ".join([cell.ljust(width) if text else cell.rjust(width) for cell, width, text in zip(line, widths, is_text)] + [line[-1]]).rstrip()
            for line in rows]


def keep(sections, order):
    """Puts the lines of rows into this kind of machine's file of results, in the place of what it held of them."""
    path, kept = os.path.join(HERE, "results", machine_kind() + ".txt"), {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for part in re.split(r"^== ", file.read(), flags=re.M)[1:]:
                kept[part.partition(":")[0]] = ["== " + part.rstrip("\n")]
    kept.update(sections)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([machine_line(), *(line for name in order if name in kept for line in ("", *kept[name]))]) + "\n")
