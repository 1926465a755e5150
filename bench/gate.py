"""The gate on repeated runs of real agents: what noise does, which drops are seen, what must never be approved, and how fast.

    python bench/gate.py --data DIR [--rounds N] [--peers] [--only no-change real-change power false-greens speed]

Comparisons go through `loopwright.workflows.gating.gate_files`, as `loopwright gate --baseline --candidate` does. Beside them
stand, on the same files, rules of thumb, textbook tests and the gates of others where they are installed (`gate_peers`):
`--peers` installs them into an environment that is thrown away. "< 80 %" judges the level of the candidate alone, and no change.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import gate_greens
import gate_speed
from gate_peers import INSTALLED, RULES, Installed, rules
from gate_power import power
from loopwright import wiring
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.settings import Settings
from loopwright.wiring.gating import gate_policy
from loopwright.workflows.gating import gate_files
from repeated_runs import Runs, bfcl, halves, pass_rate, repeated, rows, singles, splits, swe_bench_pro, trials_of, write

OUTCOMES = ("approved", "undecided", "blocked")
ENOUGH_CASES = 30
LEAST_APPROVED, MOST_UNDECIDED, MOST_BLOCKED, QUANTILE = 0.90, 0.08, 0.035, 0.95
SOLVED, LOST = 0.8, 0.2
MOST_ASKED = 5
"""Pairs of one size about which installed gates are asked; some take seconds for thousands of cases."""
PARTS = ("no-change", "real-change", "power", "false-greens", "speed")


class Compared(NamedTuple):
    """One comparison: what the gate said, who else would block (None: not asked), and how many cases the naive rule names."""

    decision: GateDecision
    others: dict[str, bool | None]
    naive: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with tau_bench, terminal_bench, mast, ...")
    parser.add_argument("--rounds", type=int, default=60, help="how often the trials are shuffled")
    parser.add_argument("--peers", action="store_true", help="install the gates of others for this run")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Installed(Path(folder), args.peers) as peers:
        bench = Bench(Path(folder), peers)
        parts: dict[str, Callable[[], object]] = {
            "no-change": lambda: no_change(bench, repeated(args.data), args.rounds),
            "real-change": lambda: real_change(bench, args.data),
            "power": lambda: power(repeated(args.data)),
            "false-greens": lambda: gate_greens.table(peers),
            "speed": gate_speed.table,
        }
        for part in args.only:
            start = time.perf_counter()
            parts[part]()
            print(f"({part}: {time.perf_counter() - start:.0f} s)")


class Bench:
    """Compares through files, as a user does."""

    def __init__(self, folder: Path, peers: Installed) -> None:
        self.before, self.after = folder / "before.jsonl", folder / "after.jsonl"
        self.peers = peers
        settings = Settings()
        self.reader, self.policy = wiring.record_reader(settings), gate_policy(settings)

    def compare(self, old: Runs, before: Sequence[int], new: Runs, after: Sequence[int], ask: bool = True) -> Compared:
        """Trials `before` of `old` against trials `after` of `new`, on the cases that both have; with `ask`, others are asked."""
        cases = sorted(set(old) & set(new))
        sides = rows(old, cases, before), rows(new, cases, after)
        write(self.before, sides[0])
        write(self.after, sides[1])
        decision = asyncio.run(gate_files(self.reader, [str(self.before)], str(self.after), self.policy))
        simple = rules(*sides)
        asked = self.peers.ask(self.before, self.after) if ask else dict.fromkeys(INSTALLED)
        return Compared(decision, simple.blocks | asked, simple.lost)


def no_change(bench: Bench, sets: dict[str, dict[str, Runs]], rounds: int) -> None:
    """The same agent on both sides: all ordered pairs of disjoint halves with what the bars ask, and of single runs."""
    found = _unchanged(bench, sets, "halves", halves, ask=True)
    _bars(sets, found, _shuffled(sets, rounds), rounds)
    _unchanged(bench, sets, "single runs", singles, ask=False)


def _unchanged(
    bench: Bench,
    sets: dict[str, dict[str, Runs]],
    kind: str,
    pairs_of: Callable[[Sequence[int]], Iterable[tuple[list[int], list[int]]]],
    ask: bool,
) -> dict[str, Counter[str]]:
    """Print a table, a row an agent; the counts of each set."""
    print(f"\nNo change, {kind}: the agent is the same on both sides; pairs that are blocked, and what the gate says")
    print(f"{'agent':<34}{'cases':>6}{'pairs':>6}" + "".join(f"{o:>10}" for o in OUTCOMES) + _heads())
    found: dict[str, Counter[str]] = defaultdict(Counter)
    levels: Counter[str] = Counter()
    for of, agents in sets.items():
        for name, runs in agents.items():
            done = [bench.compare(runs, a, runs, b, ask) for a, b in pairs_of(trials_of(runs))]
            count = _counted(done)
            found[of] += count
            levels.update(level for c in done for level in _levels(c.decision))
            naive = [c.naive for c in done]
            print(
                f"{name[:33]:<34}{len(runs):>6}" + _cells(count, bench, ask) + f"   {min(naive)}-{max(naive)} cases by naive rule"
            )
    print(f"{'all':<34}{'':>6}" + _cells(sum(found.values(), Counter()), bench, ask))
    print(f"blocks by level (a pair may have several): {dict(levels) or 'none'}")
    return found


def _shuffled(sets: dict[str, dict[str, Runs]], rounds: int) -> dict[str, list[int]]:
    """How many pairs of halves of each set are blocked where each case's trials are shuffled among the runs, round by round."""
    rng = np.random.default_rng(1)
    found: dict[str, list[int]] = {}
    for of, agents in sets.items():
        found[of] = [sum(_blocked_pairs(_shuffle(rng, runs)) for runs in agents.values()) for _ in range(rounds)]
    return found


def _shuffle(rng: np.random.Generator, runs: Runs) -> Runs:
    return {
        case: dict(zip(verdicts, [list(verdicts.values())[i] for i in rng.permutation(len(verdicts))], strict=True))
        for case, verdicts in runs.items()
    }


def _blocked_pairs(runs: Runs) -> int:
    results = {
        t: [EvalResult(case, verdicts[t], trial=t) for case, verdicts in runs.items() if t in verdicts] for t in trials_of(runs)
    }
    return sum(
        decide([r for t in before for r in results[t]], [r for t in after for r in results[t]]).decision is Outcome.BLOCKED
        for before, after in halves(sorted(results))
    )


def _bars(sets: dict[str, dict[str, Runs]], found: dict[str, Counter[str]], shuffled: dict[str, list[int]], rounds: int) -> None:
    """Print what is asked of these pairs, and whether it holds."""
    large: Counter[str] = Counter()
    for of, agents in sets.items():
        if all(len(runs) >= ENOUGH_CASES and len(trials_of(runs)) > 3 for runs in agents.values()):
            large += found[of]
    total = sum(found.values(), Counter())
    print(f"\nWhat is asked of these pairs (sets under {ENOUGH_CASES} cases or with one run a side count for blocked only)")
    shares = [large["approved"] / large["pairs"], large["undecided"] / large["pairs"], total["blocked"] / total["pairs"]]
    _holds(f"approved {shares[0]:.1%} of {large['pairs']}, asked at least {LEAST_APPROVED:.0%}", shares[0] >= LEAST_APPROVED)
    _holds(f"undecided {shares[1]:.1%} of {large['pairs']}, asked at most {MOST_UNDECIDED:.0%}", shares[1] <= MOST_UNDECIDED)
    _holds(f"blocked {shares[2]:.1%} of {total['pairs']}, asked at most {MOST_BLOCKED:.1%}", shares[2] <= MOST_BLOCKED)
    for of, counts in shuffled.items():
        bound = float(np.quantile(counts, QUANTILE, method="inverted_cdf"))
        blocked = found[of]["blocked"]
        what = f"{of}: {blocked} of {found[of]['pairs']} blocked, asked at most {bound:.0f}"
        mean = sum(counts) / len(counts)
        _holds(f"{what}, the {QUANTILE:.0%} quantile over {rounds} shuffles (mean {mean:.1f})", blocked <= bound)


def _holds(what: str, holds: bool) -> None:
    print(f"  {'holds' if holds else 'DOES NOT HOLD':<14}{what}")


class Group(NamedTuple):
    """Pairs of agents that are compared alike: so many trials against so many; `bars` is the share of blocked asked, by drop."""

    name: str
    agents: Sequence[Runs]
    trials: tuple[int, int]
    bins: tuple[tuple[float, float, str], ...]
    bars: dict[str, float]


_BINS = ((10, 101, ">= 10"), (8, 10, "8-10"), (5, 8, "5-8"), (4, 5, "4-5"), (2, 4, "2-4"))
_ONE_RUN = ((8, 101, ">= 8"), (5, 8, "5-8"), (2, 5, "2-5"))


def _groups(data: Path) -> Iterator[Group]:
    sets = repeated(data)
    yield Group(
        "terminal-bench, 3 v 2, 80 cases", list(sets["terminal_bench"].values()), (3, 2), _BINS, {">= 10": 0.95, "8-10": 0.85}
    )
    math = list(sets["mast/ag2_math"].values())
    yield Group("ag2 designs, 3 v 2, 200 cases", math, (3, 2), _BINS, {">= 10": 0.95, "8-10": 0.85, "4-5": 0.75})
    yield Group("swe-bench-pro systems, 1 v 1", swe_bench_pro(data), (1, 1), _ONE_RUN, {">= 8": 0.95})
    yield Group("bfcl models, 1 v 1", bfcl(data), (1, 1), _ONE_RUN, {">= 8": 0.95})


def real_change(bench: Bench, data: Path) -> None:
    """Pairs of agents with a known drop, by its size; and the same pairs reversed.

    With several trials, all splits of the better agent's against the others of the worse one's are compared, not one alone; they
    share trials, so that the shares vary more than their numbers suggest. Others are asked about the first split of each pair,
    installed ones of a few pairs.
    """
    print("\nReal change: the worse agent as candidate, all splits of the trials; by the drop of the pass rate over all trials")
    print(
        "(asked: the share of blocked that is asked; others: blocked of the first split of each pair; NOT: below what is asked)"
    )
    heads = "".join(f"{name:>10}" for name in ("drop", "pairs", "splits", "blocked", "asked", "undecided"))
    print(f"{'pairs':<32}{heads}{_heads()}")
    reversed_pairs: list[tuple[Group, Runs, Runs, GateDecision]] = []
    for group in _groups(data):
        bins: dict[str, list[list[Compared]]] = defaultdict(list)
        for one, other in itertools.combinations(group.agents, 2):
            cases = set(one) & set(other)
            better, worse = (one, other) if pass_rate(one, cases) >= pass_rate(other, cases) else (other, one)
            drop = 100 * (pass_rate(better, cases) - pass_rate(worse, cases))
            label = next((text for low, high, text in group.bins if low <= drop < high), None)
            if label is None:
                continue
            trials = sorted(set(trials_of(better)) & set(trials_of(worse)))
            pairs = [(trials, trials)] if group.trials == (1, 1) else list(splits(trials, *group.trials))
            ask = len(bins[label]) < MOST_ASKED
            bins[label].append([bench.compare(better, a, worse, b, ask and i == 0) for i, (a, b) in enumerate(pairs)])
            for a, b in pairs:
                reversed_pairs.append((group, worse, better, bench.compare(worse, a, better, b, ask=False).decision))
        for _, _, label in group.bins:
            if label in bins:
                print(_drop_row(group, label, bins[label], bench))
    _reversed(reversed_pairs)


def _drop_row(group: Group, label: str, pairs: list[list[Compared]], bench: Bench) -> str:
    every = [compared for split in pairs for compared in split]
    count = _counted(every)
    share, asked = count["blocked"] / len(every), group.bars.get(label)
    told = "" if asked is None else f"{asked:.0%}" if share >= asked else f"{asked:.0%} NOT"
    numbers = f"{label:>10}{len(pairs):>10}{len(every):>10}{share:>10.1%}{told:>10}{count['undecided'] / len(every):>10.1%}"
    return f"{group.name:<32}{numbers}" + _others(_counted([split[0] for split in pairs]), bench, True)


def _reversed(pairs: list[tuple[Group, Runs, Runs, GateDecision]]) -> None:
    """Print what of the reversed pairs is blocked, and whether all trials bear out the cases that are."""
    print("\nThe same pairs reversed: the better agent as candidate")
    wide = sum(bool({"suite", "mode"} & set(_levels(decision))) for *_, decision in pairs)
    _holds(f"{wide} of {len(pairs)} comparisons blocked by the suite or a mode, asked none", wide == 0)
    named = [
        (group, old, new, r.eval_id)
        for group, old, new, decision in pairs
        for r in decision.regressions
        if isinstance(r, Regression) and r.level == "case" and r.eval_id is not None
    ]
    blocked = sum("case" in _levels(decision) for *_, decision in pairs)
    unconfirmed = Counter(
        f"{case} of {group.name}: passed {_share(old, case):.0%} of all trials before and {_share(new, case):.0%} now"
        for group, old, new, case in named
        if not (_share(old, case) >= SOLVED and _share(new, case) <= LOST)
    )
    what = f"{blocked} of {len(pairs)} comparisons blocked by {len(named)} cases in all, of which all trials bear out"
    _holds(f"{what} {len(named) - unconfirmed.total()}", not unconfirmed)
    for told, times in unconfirmed.most_common():
        print(f"    not borne out, {times} times: {told}")
    _really_lost(pairs)


def _really_lost(pairs: list[tuple[Group, Runs, Runs, GateDecision]]) -> None:
    """Print what is said where all trials tell that the better agent lost solved cases."""
    several = [(worse, better, decision) for group, worse, better, decision in pairs if group.trials != (1, 1)]
    said: Counter[str] = Counter()
    cases = named = 0
    for worse, better, decision in several:
        lost = {case for case in set(worse) & set(better) if _share(worse, case) >= SOLVED and _share(better, case) <= LOST}
        told = {request.eval_id for request in decision.next} | {r.eval_id for r in decision.regressions}
        if decision.decision is not None:
            said[f"{'some' if lost else 'none'} {decision.decision.value}"] += 1
        cases, named = cases + len(lost), named + len(lost & told)
    for lost in ("some", "none"):
        held = said[f"{lost} undecided"] + said[f"{lost} blocked"]
        print(f"{'':16}{lost} solved case lost: {held} of {held + said[f'{lost} approved']} comparisons are not approved")
    print(f"{'':16}of {cases} lost cases {named} are named for repeats")


def _share(runs: Runs, case: str) -> float:
    return pass_rate(runs, [case])


def _levels(decision: GateDecision) -> list[str]:
    """The levels that block, each once."""
    return list(dict.fromkeys(r.level for r in decision.regressions if isinstance(r, Regression)))


def _counted(done: Sequence[Compared]) -> Counter[str]:
    """How many are approved, undecided and blocked, and how many each other rule blocks."""
    count: Counter[str] = Counter({"pairs": len(done)})
    for compared in done:
        if compared.decision.decision is not None:
            count[compared.decision.decision.value] += 1
        count.update(name for name, blocks in compared.others.items() if blocks)
        count["asked"] += any(compared.others[name] is not None for name in INSTALLED)
    return count


def _heads() -> str:
    return "".join(f"{name:>10}" for name in (*RULES, *INSTALLED))


def _cells(count: Counter[str], bench: Bench, asked: bool) -> str:
    return f"{count['pairs']:>6}" + "".join(f"{count[o]:>10}" for o in OUTCOMES) + _others(count, bench, asked)


def _others(count: Counter[str], bench: Bench, asked: bool) -> str:
    """What other rules block; a gate that is not installed says so, and one that was not asked has a dash."""
    of = f"/{count['asked']}" if count["asked"] < count["pairs"] else ""
    told = ["not inst." if name not in bench.peers.names else f"{count[name]}{of}" if asked else "-" for name in INSTALLED]
    return "".join(f"{value:>10}" for value in [*(count[name] for name in RULES), *told])


if __name__ == "__main__":
    main()
