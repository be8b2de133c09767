#!/usr/bin/env python3
"""The house rules that a compiler does not check. Usage: structure_test.py [ROOT]

Arrows: every #include of src/ against the table in docs/includes.md, and no loop between files.
Rules: no std::regex, no file over 800 lines, no file over 2 MB, a README in every folder of sources.
`--self-test` plants one fault of each kind in a copy and expects it to be found.
"""
import os
import re
import subprocess
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
SOURCE = (".h", ".cc", ".inc")
MAX_LINES = 800            # past this a file is usually two things
MAX_BYTES = 2 * 1024 * 1024  # weights and third-party source stay out
LONG_BY_NATURE = ("generated/",)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def allowed_arrows(root):
    arrows = {}
    for line in read(os.path.join(root, "docs/includes.md")).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 2 or cells[0] in ("module", "---") or set(cells[0]) <= set("- "):
            continue
        arrows[cells[0]] = {name.strip() for name in cells[1].split(",") if name.strip()}
    return arrows


def module_of(path):
    """engine/kv/pages.h -> (engine, engine/kv); api/openai/x.h -> (api, None)"""
    parts = path.split("/")
    inner = "/".join(parts[:2]) if parts[0] == "engine" and len(parts) > 2 else None
    return parts[0], inner


def sources(root):
    top = os.path.join(root, "src")
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith(SOURCE):
                yield os.path.relpath(os.path.join(folder, name), top)


def check_arrows(root, faults):
    arrows = allowed_arrows(root)
    graph = {}
    for path in sources(root):
        module, inner = module_of(path)
        test = path.endswith(("_test.cc", "_fuzz.cc", "_bench.cc"))
        graph[path] = []
        if module not in arrows:
            faults.append(f"{path}: folder {module} is not in docs/includes.md")
            continue
        for target in INCLUDE.findall(read(os.path.join(root, "src", path))):
            if not os.path.exists(os.path.join(root, "src", target)):
                faults.append(f"{path}: include \"{target}\" is not rooted at src/")
                continue
            graph[path].append(target)
            to_module, to_inner = module_of(target)
            if to_module != module and to_module not in arrows[module]:
                faults.append(f"{path}: {module} may not include {to_module} ({target})")
            elif inner and to_inner and inner != to_inner and to_inner not in arrows.get(inner, set()) and not test:
                faults.append(f"{path}: {inner} may not include {to_inner} ({target})")
    find_loops(graph, faults)


def find_loops(graph, faults):
    done, on_path = set(), []

    def visit(path):
        stack = [(path, iter(graph.get(path, ())))]
        on_path.append(path)
        while stack:
            node, targets = stack[-1]
            for target in targets:
                if target in on_path:
                    faults.append("loop: " + " -> ".join(on_path[on_path.index(target):] + [target]))
                elif target not in done:
                    on_path.append(target)
                    stack.append((target, iter(graph.get(target, ()))))
                    break
            else:
                stack.pop()
                on_path.pop()
                done.add(node)

    for path in graph:
        if path not in done:
            visit(path)


def check_rules(root, faults):
    folders = {}
    for path in sources(root):
        text = read(os.path.join(root, "src", path))
        if "std::" + "regex" in text or "#include <" + "regex>" in text:
            faults.append(f"{path}: std::regex recurses per character; write a linear scanner")
        lines = text.count("\n")
        if lines > MAX_LINES and not any(part in path for part in LONG_BY_NATURE):
            faults.append(f"{path}: {lines} lines; past {MAX_LINES} it is usually two things")
        folders[os.path.dirname(path)] = True
    for folder in folders:
        if "generated" not in folder and not os.path.exists(os.path.join(root, "src", folder, "README.md")):
            faults.append(f"src/{folder}: no README.md")
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=False)
    for name in listed.stdout.decode().split("\0"):
        path = os.path.join(root, name)
        if name and os.path.isfile(path) and os.path.getsize(path) > MAX_BYTES:
            faults.append(f"{name}: over {MAX_BYTES} bytes")


def faults_of(root):
    faults = []
    check_arrows(root, faults)
    check_rules(root, faults)
    return faults


def self_test(root):
    """Each planted fault must be reported; a rule that cannot fail is no rule."""
    planted = {
        "base may not include engine": ("base/planted.h", '#include "engine/tensor/token.h"\n'),
        "engine/kv may not include engine/models": ("engine/kv/planted.h", '#include "engine/models/planted_b.h"\n'),
        "loop:": ("base/loop_a.h", '#include "base/loop_b.h"\n'),
        "std::regex": ("base/planted_regex.h", "std::" + "regex pattern;\n"),
        "lines; past": ("base/planted_long.h", "\n" * (MAX_LINES + 1)),
    }
    with tempfile.TemporaryDirectory() as copy:
        subprocess.run(["cp", "-r", os.path.join(root, "src"), os.path.join(root, "docs"), copy], check=True)
        for path, text in planted.values():
            with open(os.path.join(copy, "src", path), "w", encoding="utf-8") as file:
                file.write(text)
        for path, text in (("base/loop_b.h", '#include "base/loop_a.h"\n'), ("engine/models/planted_b.h", "\n")):
            with open(os.path.join(copy, "src", path), "w", encoding="utf-8") as file:
                file.write(text)
        found = "\n".join(faults_of(copy))
        return [f"planted fault not found: {what}" for what in planted if what not in found]


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    faults = faults_of(root) + self_test(root)
    for fault in faults:
        print(fault)
    print(f"structure: {sum(1 for _ in sources(root))} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
