"""A sprint's plan: its types, the four formats it is read from, and all that is checked before anything is created."""

from caloron_actors.domain.dag.plan import (
    Agent,
    Budget,
    Dag,
    EscalationPolicy,
    Mistake,
    ReviewPolicy,
    TaskPlan,
)

__all__ = ["Agent", "Budget", "Dag", "EscalationPolicy", "Mistake", "ReviewPolicy", "TaskPlan"]
