from loopwright.cluster.mode import FailureMode as FailureMode
from loopwright.collect.trace import Feedback as Feedback
from loopwright.collect.trace import Message as Message
from loopwright.collect.trace import Session as Session
from loopwright.collect.trace import Span as Span
from loopwright.collect.trace import Step as Step
from loopwright.collect.trace import ToolCall as ToolCall
from loopwright.collect.trace import Trace as Trace
from loopwright.errors import LoopwrightError as LoopwrightError
from loopwright.evaluate.case import EvalCase as EvalCase
from loopwright.evaluate.case import Suite as Suite
from loopwright.evaluate.result import EvalResult as EvalResult
from loopwright.evaluate.result import Run as Run
from loopwright.gate.decision import GateDecision as GateDecision
from loopwright.guards.guard import Guard as Guard
from loopwright.improve.proposal import Proposal as Proposal
from loopwright.mine.signal import FailureSignal as FailureSignal
from loopwright.mine.signal import FailureTrace as FailureTrace
from loopwright.mine.signal import Signal as Signal
from loopwright.release.record import Release as Release
from loopwright.source_api import cluster_failures as cluster_failures
from loopwright.source_api import generate_eval_from_cluster as generate_eval_from_cluster
from loopwright.source_api import mine_failures as mine_failures
from loopwright.source_api import parse_eval_json as parse_eval_json
from loopwright.source_api import regression_gate as regression_gate
from loopwright.source_api import schedule_eval_generation as schedule_eval_generation

__version__: str
