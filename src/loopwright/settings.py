"""Settings: one table, from which the environment, `loopwright.toml`, command-line flags and the documentation derive.

Order: command line over `LOOPWRIGHT_*` over the nearest `loopwright.toml` upward over defaults. Relative paths count from the
folder of the toml file. A setting `gate.alpha` is `LOOPWRIGHT_GATE_ALPHA` in the environment and `alpha` in `[gate]`.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopwright.errors import SettingError
from loopwright.registry import unknown

FILE_NAME = "loopwright.toml"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `low` and `high` bound numbers, inclusive; `choices` bounds text."""

    name: str
    default: bool | int | float | str
    unit: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def env(self) -> str:
        """The environment variable."""
        return "LOOPWRIGHT_" + self.name.replace(".", "_").upper()

    @property
    def flag(self) -> str:
        """The command-line flag, on the commands that use the setting."""
        return "--" + self.name.split(".", 1)[1].replace("_", "-")

    def parse(self, value: Any, source: str) -> bool | int | float | str:
        """`value` as this setting's type; raises `SettingError` naming the setting, the value and what is allowed."""
        cure = f"give {self._expected()}"
        try:
            parsed = _convert(value, self.default)
        except (TypeError, ValueError):
            raise SettingError(f"{self.name} is {value!r}", source=source, cure=cure) from None
        if isinstance(parsed, str) and self.choices and parsed not in self.choices:
            raise SettingError(f"{self.name} is {value!r}", source=source, cure=cure)
        if not isinstance(parsed, str | bool) and not self._in_range(parsed):
            raise SettingError(f"{self.name} is {value!r}", source=source, cure=cure)
        return parsed

    def _in_range(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def _expected(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[type(self.default)]
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        return f"{kind} of at least {self.low:g}" if self.low is not None else kind


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "store.url",
        "sqlite:///.loopwright/loopwright.db",
        "URL",
        "Where assets are kept: sqlite:///PATH, or postgresql://USER@HOST/DATABASE.",
    ),
    Setting(
        "retention.days",
        90,
        "days",
        "Traces that began longer ago are removed by `traces prune`, where nothing refers to them.",
        low=1,
        high=36_500,
    ),
    Setting("serve.host", "127.0.0.1", "address", "Where the server listens; other machines reach it only with keys."),
    Setting("serve.port", 4318, "port", "The port that the server listens on; 0 takes any that is free.", low=0, high=65535),
    Setting(
        "serve.max_request_bytes",
        32 * 1024 * 1024,
        "bytes",
        "A larger request, unpacked, is refused; a key may have a lower limit.",
        low=1024,
    ),
    Setting(
        "serve.max_bytes_under_way",
        64 * 1024 * 1024,
        "bytes",
        "Where requests of more bytes are under way, others are told to come again later.",
        low=1024,
    ),
    Setting("serve.body_seconds", 30.0, "seconds", "A request whose body takes longer to come is given up.", low=0.1),
    Setting("serve.drain_seconds", 30.0, "seconds", "How long the end of the server waits for requests under way.", low=1),
    Setting(
        "serve.allowed_hosts",
        "",
        "names",
        "Names, by commas, that requests may use beside localhost and the address; none is any, where other machines reach it.",
    ),
    Setting("suite.folder", "evals", "folder", "Where the eval suite's YAML files are."),
    Setting(
        "suite.sealed_share",
        0.2,
        "share",
        "The share of approved cases, by their ids, that nothing is tuned on: no draft, proposal or verification sees them.",
        low=0,
        high=0.9,
    ),
    Setting("import.max_line_bytes", 16 * 1024 * 1024, "bytes", "A longer record is refused, and counted.", low=1024),
    Setting(
        "collect.quiet_seconds",
        180.0,
        "seconds",
        "A trace of which spans are missing is taken for whole when none came for so long.",
        low=0,
    ),
    Setting("collect.session_quiet_seconds", 1800.0, "seconds", "A session is over when nothing of it came for so long.", low=0),
    Setting("connect.timeout", 60.0, "seconds", "A service that answers nothing for longer is asked again.", low=0.1),
    Setting("connect.tries", 8, "tries", "How often a service is asked the same at most, with growing pauses.", low=1, high=50),
    Setting(
        "connect.overlap_minutes",
        60.0,
        "minutes",
        "So much of what was read of a service is read again the next time: what began then may have arrived late.",
        low=0,
    ),
    Setting(
        "cluster.embedder",
        "auto",
        "name",
        "What turns text into vectors; auto: minilm up to 50,000 texts, then static.",
        choices=("auto", "minilm", "static"),
    ),
    Setting(
        "cluster.method",
        "average",
        "name",
        "How failures are grouped; dbscan is the source's, kept for comparison.",
        choices=("average", "dbscan"),
    ),
    Setting(
        "cluster.granularity",
        0.0,
        "robust standard deviations",
        "Where modes are cut: a higher number makes more, tighter modes; 0 chooses from the data, and in a store keeps "
        "the choice of the last time.",
        low=0,
        high=20,
    ),
    Setting("cluster.min_size", 3, "failures", "A smaller group is listed as one-offs.", low=2),
    Setting("run.trials", 1, "trials", "Trials of each case that does not say its own number.", low=1, high=1000),
    Setting("run.timeout", 60.0, "seconds", "A trial that takes longer is stopped, and counted as an error.", low=0.001),
    Setting("run.concurrency", 8, "trials", "Trials under way at once.", low=1, high=1000),
    Setting("run.target_deterministic", 60.0, "seconds", "How long the deterministic layer should take at most.", low=0),
    Setting("run.target_semantic", 1800.0, "seconds", "How long the semantic layer should take at most.", low=0),
    Setting("run.target_behavioral", 14400.0, "seconds", "How long the behavioral layer should take at most.", low=0),
    Setting("run.budget_usd", 0.0, "dollars", "What a run may cost: it stops before it would cost more; 0 is no limit.", low=0),
    Setting(
        "fingerprint.prompt",
        "prompts/**",
        "patterns",
        "Files that are the agent's prompt, divided by commas, counted from the toml file's folder.",
    ),
    Setting("fingerprint.tools", "tools/**", "patterns", "Files that are the agent's tools: their names, schemas and texts."),
    Setting("fingerprint.model", "", "patterns", "Files that say which model the agent uses, and how."),
    Setting("fingerprint.model_env", "", "names", "Environment variables that say which model the agent uses, by commas."),
    Setting("fingerprint.harness", "harness.toml", "patterns", "Files that are the agent's harness: guards and their limits."),
    Setting("target.url", "", "target", 'The agent under test: python:module:function, command:"...", or an http(s) URL.'),
    Setting(
        "gate.alpha",
        0.05,
        "probability",
        "The chance to block an agent that did not change, over everything looked at.",
        low=0.0001,
        high=0.5,
    ),
    Setting("gate.min_cases", 5, "cases", "With fewer comparable cases the gate is undecided.", low=1),
    Setting("gate.max_missing", 0.02, "share", "With more of the baseline's cases missing: undecided.", low=0, high=1),
    Setting("gate.max_errors", 0.2, "share", "With more of the candidate's trials in error: undecided.", low=0, high=1),
    Setting("model.name", "", "provider:model", "The language model that drafts and describes, such as openai:gpt-4.1-mini."),
    Setting("model.base_url", "", "URL", "A service compatible with OpenAI's, for openai: models. OPENAI_API_KEY goes there."),
    Setting("model.timeout", 60.0, "seconds", "A model that takes longer is asked again, then given up.", low=0.001),
    Setting("model.retries", 3, "tries", "How often a request that failed is made again, with growing pauses.", low=0, high=10),
    Setting("judge.model", "", "provider:model", "The language model that judges; without one, nothing is judged."),
    Setting("judge.sample", 0.1, "share", "The share of stored traces that is judged.", low=0, high=1),
    Setting("judge.budget_usd", 1.0, "US dollars", "Judging traces stops when it has cost so much; 0 is no limit.", low=0),
    Setting("judge.concurrency", 8, "requests", "Requests to the judge under way at once.", low=1, high=100),
    Setting(
        "gate.sealed_gap",
        "warn",
        "name",
        "What follows where the open part passes more than chance explains and the sealed part does not.",
        choices=("warn", "block", "off"),
    ),
    *(
        Setting(
            f"gate.{what}_margin",
            0.0,
            "share",
            f"{how} may be more by this share, shown to be no more: 0.1 is 10 % more; 0 is no margin.",
            low=0,
            high=100,
        )
        for what, how in (("cost", "Cost"), ("latency", "Latency"), ("tokens", "Tokens"))
    ),
    Setting("gate.zero_tolerance", "safety", "tags", "Of cases with one of these tags, by commas, no trial may ever fail."),
    Setting("gate.window", 20, "runs", "Of a baseline's history in the store the last so many runs count; 0 is no limit.", low=0),
    Setting(
        "gate.window_days",
        90.0,
        "days",
        "A run this much older than the candidate's is of the baseline's history no longer; 0 is no limit.",
        low=0,
    ),
    Setting("improve.trials", 5, "trials", "Trials of each case without a guard, and as many with it.", low=1, high=1000),
    Setting(
        "improve.max_trials",
        20,
        "trials",
        "Where so many trials do not decide, a case is tried twice as often, and again, up to this.",
        low=1,
        high=1000,
    ),
    Setting(
        "improve.alpha",
        0.05,
        "probability",
        "The chance that any guard is called helping that does not make its failure rarer, over all six kinds.",
        low=0.0001,
        high=0.5,
    ),
    Setting("improve.success_margin", 0.1, "share", "A guard may cost less than this share of passing trials.", low=0, high=1),
    Setting("improve.runtime_margin", 0.25, "share", "A guard may lengthen the mean runtime by less than this share.", low=0),
    Setting("improve.cost_margin", 0.25, "share", "A guard may raise the mean cost by less than this share.", low=0),
    Setting("watch.current_days", 7.0, "days", "What is watched: the inputs of the last so many days of traces.", low=0.01),
    Setting("watch.reference_days", 28.0, "days", "What they are compared with: the inputs of so many days before.", low=0.01),
    Setting("watch.alpha", 0.05, "probability", "The chance to find a drift where there is none.", low=0.0001, high=0.5),
    Setting("watch.max_inputs", 5000, "inputs", "Of more inputs on a side so many are drawn and looked at.", low=10),
    Setting(
        "watch.lower_is_better",
        "escalated escalation complaint cancelled churned contacted_support repeat_contact refund_usd handling_seconds "
        "error_rate latency cost",
        "metrics",
        "The business metrics of which less is better; of all others more is.",
    ),
    Setting(
        "redact.personal",
        "none",
        "kinds",
        "Personal data that is taken out of what comes in, beside secrets: all, none, or of email, phone, card, iban, ip, ssn.",
    ),
    Setting("redact.words_file", "", "file", "Words that are taken out too, one a line; after re: a regular expression."),
    Setting("redact.plugin", "", "dotted path", "A function or class of your own that redacts, such as package.module:function."),
    Setting("redact.key_file", "", "file", "The key of pseudonyms; without a name it is redaction.key beside the store."),
    Setting("triage.min_count", 3, "failures", "A failure that recurs this often is brought up for an eval case.", low=1),
)
_BY_NAME = {s.name: s for s in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settled values. `sources` says where each came from; `folder` is where relative paths count from."""

    values: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    file: Path | None = None

    def __getitem__(self, name: str) -> Any:
        if name not in _BY_NAME:
            raise SettingError(unknown("setting", name, _BY_NAME))
        return self.values.get(name, _BY_NAME[name].default)

    def path(self, name: str) -> Path:
        """A setting that names a folder, counted from the toml file's folder."""
        return self.folder / str(self[name])


def setting(name: str) -> Setting:
    """The table's row; raises `SettingError` for an unknown name."""
    if name not in _BY_NAME:
        raise SettingError(unknown("setting", name, _BY_NAME))
    return _BY_NAME[name]


def find_file(start: Path) -> Path | None:
    """The nearest `loopwright.toml` in `start` or a folder above it."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def load(
    cli: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
    start: Path | None = None,
) -> Settings:
    """Settle all settings.

    `cli` holds values by setting name; None values count as not given. `file` names the toml file; otherwise the nearest one
    upward from `start` is read; with both None, none is. Raises `SettingError`.
    """
    environ = os.environ if environ is None else environ
    if file is None and start is not None:
        file = find_file(start)
    values: dict[str, bool | int | float | str] = {}
    sources: dict[str, str] = {}
    for name, value in _from_toml(file).items() if file else ():
        values[name] = setting(name).parse(value, str(file))
        sources[name] = str(file)
    for row in SETTINGS:
        if row.env in environ:
            values[row.name] = row.parse(environ[row.env], row.env)
            sources[row.name] = row.env
    for name, value in (cli or {}).items():
        if value is not None:
            values[name] = setting(name).parse(value, setting(name).flag)
            sources[name] = setting(name).flag
    return Settings(values, sources, file.parent if file else (start or Path()), file)


def _from_toml(file: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(
            f"cannot be read: {error.strerror}", source=str(file), cure="name another file with --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"is not valid TOML: {error}", source=str(file), cure="mend the file") from None
    flat: dict[str, Any] = {}
    for section, rows in data.items():
        if not isinstance(rows, dict):
            raise SettingError(f"{section} stands outside a section", source=str(file), cure="put it under one, such as [gate]")
        for key, value in rows.items():
            name = f"{section}.{key}"
            if name not in _BY_NAME:
                raise SettingError(unknown("setting", name, _BY_NAME), source=str(file))
            flat[name] = value
    return flat


_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _convert(value: Any, default: bool | int | float | str) -> bool | int | float | str:
    """`value` as the type of `default`; raises `TypeError` or `ValueError`."""
    if isinstance(default, bool):
        if str(value).lower() not in _TRUTH:
            raise ValueError(value)
        return _TRUTH[str(value).lower()]
    if isinstance(default, str):
        if not isinstance(value, str):
            raise TypeError(value)
        return value
    if isinstance(value, bool) or (isinstance(default, int) and isinstance(value, float)):
        raise TypeError(value)
    number = type(default)(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number
