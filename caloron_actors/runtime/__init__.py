"""The actor kernel: typed actors, refs that survive restarts, and OTP's supervision. Knows nothing of sprints."""

from .actor import Actor, Ctx
from .alarms import Alarm, AlarmPolicy, Frozen, LoopStalled
from .budgets import Backoff, Budget
from .clock import Clock, Timer
from .errors import ActorGone, AlreadyStarted, AskCycle, AskTimeout, ChildRefused, MailboxFull, StartFailed
from .exits import Crashed, Exit, GaveUp, Killed, Normal, Shutdown, describe, is_clean
from .factories import Factory
from .handles import ChildCounts, Supervisor
from .mailbox import MailboxPolicy
from .messages import Ask, Down, Tell
from .ref import Ref
from .spec import ChildSpec, FactorySpec, SupervisorSpec, child, factory, supervisor
from .system import System
from .telemetry import (
    ChildInfo,
    Counters,
    CrashReport,
    Node,
    Observer,
    Poison,
    Progress,
    Report,
    Stopped,
    SupervisorReport,
    Undelivered,
)

__all__ = [
    "Actor",
    "Ask",
    "Tell",
    "Ctx",
    "Ref",
    "Down",
    "Exit",
    "Normal",
    "Shutdown",
    "Killed",
    "Crashed",
    "GaveUp",
    "is_clean",
    "describe",
    "ChildSpec",
    "SupervisorSpec",
    "FactorySpec",
    "Factory",
    "Backoff",
    "Budget",
    "Supervisor",
    "ChildCounts",
    "ChildRefused",
    "child",
    "supervisor",
    "factory",
    "System",
    "Clock",
    "Timer",
    "MailboxPolicy",
    "ActorGone",
    "AskTimeout",
    "AskCycle",
    "MailboxFull",
    "AlreadyStarted",
    "StartFailed",
    "Observer",
    "Report",
    "Progress",
    "SupervisorReport",
    "CrashReport",
    "Stopped",
    "ChildInfo",
    "Poison",
    "Undelivered",
    "Counters",
    "Alarm",
    "AlarmPolicy",
    "Frozen",
    "LoopStalled",
    "Node",
]
