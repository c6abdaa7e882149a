"""Reads a plan from a file's bytes: tells the formats apart, and gives a checked `Dag` or every mistake there is."""

from collections.abc import Mapping

from caloron_actors.domain.dag.caloron import read_caloron
from caloron_actors.domain.dag.checks import check_draft
from caloron_actors.domain.dag.draft import Draft, finish
from caloron_actors.domain.dag.findings import Findings, join
from caloron_actors.domain.dag.noether import read_noether
from caloron_actors.domain.dag.own import read_own
from caloron_actors.domain.dag.plan import Dag, Mistake
from caloron_actors.domain.dag.planner import read_planner
from caloron_actors.domain.dag.reader import Table
from caloron_actors.domain.dag.source import as_array, as_table, is_toml, parse_source

_PLAN_KEYS = ("sprint", "agents", "tasks", "sprint_id", "review", "escalation", "review_policy")
_ENVELOPES = ("data", "output")
_ENVELOPES_DEEP = 8
_CALORON = {
    "": ("review_policy",),
    "sprint": ("max_duration_hours",),
    "agents": ("definition_path", "spec"),
    "tasks": ("issue_template", "github_issue_number"),
}
_OWN = {
    "": ("review",),
    "sprint": ("repository", "base_branch", "max_duration"),
    "agents": ("framework", "definition"),
    "tasks": ("body", "prompt", "budget", "required_skills"),
}


def read_dag(text: bytes, *, name: str) -> Dag | tuple[Mistake, ...]:
    """Read a plan. `name` is the file's: its ending says TOML or JSON, and a task list's sprint is named after it.

    TOML holds the project's own format. JSON holds that one, Caloron's `dag.json`, Noether's DagState or a planner's
    task list, told apart by their shape, each also inside `data` or `output`. Gives the plan only when nothing is
    wrong with it, else all mistakes in the order of their places. Never raises for any content.
    """
    findings = Findings()
    tree = parse_source(text, name, findings)
    if tree is None:
        if not findings.all():
            findings.add("", "the file holds nothing but null; a plan is a table or an array of tasks")
        return findings.all()
    draft = _from_toml(tree, findings) if is_toml(name) else _from_json(tree, name, findings)
    if draft is not None:
        check_draft(draft, findings)
        if not findings.all():
            return finish(draft)
    return findings.all()


def _from_toml(tree: object, findings: Findings) -> Draft:
    return read_own(Table(as_table(tree), "", findings))


def _from_json(tree: object, name: str, findings: Findings) -> Draft | None:
    place = ""
    for _ in range(_ENVELOPES_DEEP):
        around = as_table(tree)
        envelope = _envelope(around or {})
        if around is None or envelope is None:
            break
        tree, place = around[envelope], join(place, envelope)
    fields = as_table(tree)
    if as_array(tree) is not None:
        return read_planner(Table({"tasks": tree}, place, findings), name, findings)
    if fields is None:
        findings.add(place, "a plan is a table with sprint, agents and tasks, or an array of tasks")
        return None
    return _by_shape(fields, Table(fields, place, findings), name, findings)


def _by_shape(fields: Mapping[str, object], root: Table, name: str, findings: Findings) -> Draft:
    tasks = fields.get("tasks")
    if "sprint" not in fields and (isinstance(tasks, dict) or (tasks is None and "sprint_id" in fields)):
        return read_noether(root)
    if isinstance(tasks, list) and not any(key in fields for key in _PLAN_KEYS if key != "tasks"):
        return read_planner(root, name, findings)
    if _has_any(fields, _CALORON) and not _has_any(fields, _OWN):
        return read_caloron(root)
    return read_own(root)


def _envelope(fields: Mapping[str, object]) -> str | None:
    """The key under which the plan lies one level deeper; None for what is a plan itself, or nothing known."""
    if any(key in fields for key in _PLAN_KEYS):
        return None
    return next((key for key in _ENVELOPES if isinstance(fields.get(key), dict | list)), None)


def _has_any(fields: Mapping[str, object], marks: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one of a format's own keys is given, at the top or inside the tables named by `marks`."""
    for section, keys in marks.items():
        inside = fields if section == "" else fields.get(section)
        tables = [as_table(item) or {} for item in as_array(inside) or [inside]]
        if any(key in table for table in tables for key in keys):
            return True
    return False
