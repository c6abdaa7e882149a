"""A sprint's plan: its types, the four formats it is read from, and all that is checked before anything is created."""

from caloron_actors.domain.dag.checks import FRAMEWORKS
from caloron_actors.domain.dag.duration import DURATION_RULE, format_duration, parse_duration
from caloron_actors.domain.dag.order import critical_path, dependents, remaining_path, topological
from caloron_actors.domain.dag.plan import (
    Agent,
    Budget,
    Dag,
    EscalationPolicy,
    Mistake,
    ReviewPolicy,
    TaskPlan,
)
from caloron_actors.domain.dag.read import read_dag

__all__ = [
    "Agent",
    "Budget",
    "Dag",
    "EscalationPolicy",
    "Mistake",
    "ReviewPolicy",
    "TaskPlan",
    "read_dag",
    "critical_path",
    "dependents",
    "remaining_path",
    "topological",
    "DURATION_RULE",
    "FRAMEWORKS",
    "format_duration",
    "parse_duration",
]
