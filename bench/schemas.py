#!/usr/bin/env python3
"""What bench/schemas.sh runs: coverage, times, memory and validity of constraints over a folder of schemas."""
import argparse
import collections
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/schemas"))
import measure  # noqa: E402
import served  # noqa: E402
import sets  # noqa: E402


def keyword_of(pointer):
    return pointer.rsplit("/", 1)[-1] if "/" in pointer else "(the whole)"


def print_coverage(entries, answers):
    by_family = collections.defaultdict(lambda: [0, 0])
    refused = collections.Counter()
    for entry, answer in zip(entries, answers):
        by_family[entry.family][0] += 1
        if "refused" not in answer:
            by_family[entry.family][1] += 1
        else:
            words = answer["message"].split(": ", 1)[-1]
            refused[f"{answer['code']}: {words[:110]}"] += 1
    total = sum(n for n, _ in by_family.values())
    good = sum(n for _, n in by_family.values())
    print(f"schemas {total}, compiled {good} ({100 * good / total:.1f} %), refused {total - good}")
    for family, (n, ok) in sorted(by_family.items()):
        print(f"  {family:24} {ok:6} of {n:6}  {100 * ok / n:5.1f} %")
    print("refused, why:")
    for why, n in refused.most_common(40):
        print(f"  {n:6}  {why}")


def print_times(answers, times):
    print("times in us:")
    for name, t in times.items():
        if t:
            print(f"  {name:12} {t['count']:9}  mean {t['mean']:10.2f}  p50 {t['p50']:10.2f}  p99 {t['p99']:10.2f}  max {t['max']:10.2f}")
    slowest = sorted(answers, key=lambda a: -a["compile_us"])[:5]
    print("slowest to compile (or to refuse):", ", ".join(f"{a['name']} {a['compile_us'] / 1000:.0f} ms" for a in slowest))
    kept = [a for a in answers if "memory" in a]
    if kept:
        most = max(kept, key=lambda a: a["memory"])
        print(f"most memory: {most['memory'] / 2**20:.1f} MB ({most['name']})")


def check_tests(entries, answers):
    """Instances that come with the schemas: an invalid one that is accepted is an error, a valid one that is not is narrowing."""
    counts = collections.Counter()
    errors = []
    for entry, answer in zip(entries, answers):
        for test, accepted in zip(entry.tests, answer.get("accepted", [])):
            counts[test["valid"], accepted] += 1
            if accepted and not test["valid"]:
                errors.append(f"{entry.name}: accepted, though invalid: {str(test.get('description', test['data']))[:200]}")
    if counts:
        print(f"instances: valid {counts[True, True]} accepted, {counts[True, False]} not (narrowing, member order among it); "
              f"invalid {counts[False, False]} not accepted, {counts[False, True]} accepted")
    return errors


def check_drawn(entries, answers, work):
    errors, unknown = [], 0
    judged = measure.judged(entries, answers, work)
    good = 0
    for entry, answer, verdicts in zip(entries, answers, judged):
        if not answer.get("texts"):
            continue
        if isinstance(verdicts, str) or verdicts is None:
            unknown += 1
            continue
        for text, verdict in zip(answer["texts"], verdicts):
            good += verdict is True
            if verdict is not True:
                errors.append(f"{entry.name}: drawn, though invalid: {text[:300]}\n    {verdict}")
    unfinished = sum(a.get("unfinished", 0) for a in answers)
    print(f"texts drawn: {good} valid, {len(errors)} invalid by ajv; {unfinished} met the limit of tokens; "
          f"{unknown} schemas that ajv cannot read")
    return errors


def print_served(entries, answers, times):
    """What a model's own answers came to, and what holding them cost."""
    ended, cut, refused = (sum(n) for n in zip(*((len(a.get("texts", [])), a.get("unfinished", 0), "refused" in a) for a in answers)))
    print(f"answers of the model: {ended} ended by themselves, {cut} met the limit ({100 * cut / max(1, ended + cut):.1f} %), {refused} schemas refused")
    met = [f"{entry.name} x{a['unfinished']}" for entry, a in zip(entries, answers) if a.get("unfinished")]
    if met:
        print(f"met the limit: {', '.join(met)}")
    unnamed = [a["message"] for a in answers if "refused" in a and a["param"] is None]
    count, mean, within = times
    print(f"constraint time of {count:.0f} tokens: mean {mean * 1e6:.1f} us; " +
          ", ".join(f"{100 * share:.2f} % within {float(bound) * 1e6:g} us" for bound, share in within.items() if bound != "+Inf"))
    return [f"refused without a name: {message}" for message in unnamed]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--tool", required=True)
    parser.add_argument("--vocabulary", required=True)
    parser.add_argument("--work", required=True, help="where ajv is installed")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--errors", type=int, default=20, help="how many are printed")
    parser.add_argument("--model", help="a GGUF file: what is judged is its answers, through a real server")
    parser.add_argument("--repetition-penalty", type=float, default=1.0, help="of the model's answers; 1 is none")
    parser.add_argument("--only", type=int, help="so many of the schemas, chosen by chance that is always the same")
    args = parser.parse_args()
    path = pathlib.Path(args.folder)
    entries = list(sets.of_folder(path) if path.is_dir() else sets.of_lines(path))
    if not entries:
        raise SystemExit(f"{args.folder}: no schemas")
    if args.only:
        entries = random.Random(1).sample(entries, min(args.only, len(entries)))
    if args.model:
        answers, constraint_times = served.answered(args.model, entries, args.draws, args.tokens, args.repetition_penalty)
        errors = print_served(entries, answers, constraint_times) + check_drawn(entries, answers, args.work)
        return tell(errors, args.errors)
    answers, times = measure.compiled(args.tool, args.vocabulary, entries, args.draws, args.tokens)
    print_coverage(entries, answers)
    print_times(answers, times)
    errors = check_tests(entries, answers)
    if args.draws:
        errors += check_drawn(entries, answers, args.work)
    return tell(errors, args.errors)


def tell(errors, most):
    for error in errors[:most]:
        print(error)
    print(f"errors: {len(errors)}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
