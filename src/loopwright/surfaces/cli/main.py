"""The front door: a table of commands, of which only the one called is loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from os import devnull
from traceback import print_exc
from typing import NamedTuple

from loopwright.errors import OK, UNDECIDED, USAGE, LoopwrightError, without_credentials
from loopwright.registry import unknown


class Verb(NamedTuple):
    """A command: its module in `verbs`, one line of help, and whether the first page of help shows it."""

    module: str
    help: str
    first: bool = False


VERBS: dict[str, Verb] = {
    "demo": Verb("demo", "the whole loop on real conversations and a shipped agent, in about two minutes", first=True),
    "analyze": Verb("analyze", "FILE of traces -> one self-contained HTML report of what fails", first=True),
    "init": Verb("init", "scaffold loopwright.toml, evals/ with example cases, a CI workflow", first=True),
    "run": Verb("run", "suite x target -> results", first=True),
    "gate": Verb("gate", "results x baseline -> approved, blocked or undecided", first=True),
    "review": Verb("review", "approve, edit or reject drafts and proposals: one queue of what waits for a person", first=True),
    "doctor": Verb("doctor", "settings, environment, adoption stage and the next step", first=True),
    "import": Verb("import_", "files of traces -> normalised traces, in the store or on stdout"),
    "serve": Verb("serve", "a server that takes traces over HTTP, as OpenTelemetry sends them, and lets them be read"),
    "keys": Verb("keys", "who may send to the server, and who may read from it"),
    "export": Verb("export", "signals, modes and verdicts -> scores in Langfuse, LangSmith, Phoenix, or OTLP events"),
    "feedback": Verb("feedback", "a verdict on a trace, span, response or session -> the store or a server"),
    "traces": Verb("traces", "list stored traces; show one"),
    "mine": Verb("mine", "traces -> ranked failures"),
    "cluster": Verb("cluster", "failures -> failure modes"),
    "modes": Verb("modes", "list failure modes; show one"),
    "draft": Verb("draft", "failure modes -> draft eval cases"),
    "improve": Verb("improve", "failure patterns -> harness proposals: verify, approve, apply, roll back"),
    "judge": Verb("judge", "a model judges a sample; people label some; the two are compared"),
    "watch": Verb("watch", "what changed in production: shift, edge cases, regressions, business metrics"),
    "triage": Verb("triage", "the weekly review: what recurs gets a case, or a no"),
    "release": Verb("release", "record a release; what it did to each failure mode; take it back"),
    "loop": Verb("loop", "all that needs no person, as often as its inputs change"),
    "report": Verb("report", "the HTML report, from the store"),
    "audit": Verb("audit", "who decided what; check that the trail is whole"),
}

USAGE_LINE = "usage: loopwright COMMAND [OPTIONS] [ARGUMENTS]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 fine or approved, 1 blocked, 2 could not decide, 64 wrong usage."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(args)
        sys.stdout.flush()
    except LoopwrightError as error:
        print(f"loopwright: {_one_line(error)}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("loopwright: interrupted; what was stored is kept", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        _give_up_stdout()
        return 141
    except OSError as error:
        place = error.filename or "standard output"
        print(f"loopwright: {place} cannot be used: {error.strerror}; make room or name another place", file=sys.stderr)  # noqa: T201
        _give_up_stdout()
        return UNDECIDED
    except Exception:
        print_exc()
        print("loopwright: this is a bug, and nothing was decided; please report it with the lines above", file=sys.stderr)  # noqa: T201
        return UNDECIDED
    return code


def help_text(everything: bool = False) -> str:
    """The top page of help: the commands that a newcomer needs, or all of them."""
    rows = [(name, verb.help) for name, verb in VERBS.items() if everything or verb.first]
    width = max(len(name) for name, _ in rows)
    lines = [
        USAGE_LINE,
        "",
        "The feedback loop that keeps a deployed AI agent correct:",
        "production traces -> failures -> failure modes -> eval cases -> a gate that no regression passes.",
        "",
        *(f"  {name:<{width}}  {text}" for name, text in rows),
        "",
        "  loopwright COMMAND --help   what one command does",
        *([] if everything else ["  loopwright --help --all     every command"]),
        "  loopwright --version",
        "",
        "Start with: loopwright demo, or with your own traces: loopwright analyze FILE",
    ]
    return "\n".join(lines)


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("--help", "-h", "help"):
        print(help_text(everything="--all" in args))  # noqa: T201
        return OK
    if args[0] == "--all":
        print(help_text(everything=True))  # noqa: T201
        return OK
    if args[0] in ("--version", "-V", "version"):
        from importlib.metadata import version  # noqa: PLC0415

        print(f"loopwright {version('loopwright')}")  # noqa: T201
        return OK
    name, rest = args[0], args[1:]
    if name not in VERBS:
        print(f"loopwright: {unknown('command', name, VERBS)}; see loopwright --help --all", file=sys.stderr)  # noqa: T201
        return USAGE
    from loopwright.surfaces.cli.call import call  # noqa: PLC0415

    return call(name, VERBS[name].module, rest)


def _give_up_stdout() -> None:
    """Let go of what is left to flush: nobody takes it."""
    sys.stdout = open(devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _one_line(error: BaseException) -> str:
    return without_credentials(" ".join(str(error).split()))
