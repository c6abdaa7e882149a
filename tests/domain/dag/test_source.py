"""What the files themselves can get wrong: names, sizes, encodings, syntax, keys given twice, depth."""

import json

import pytest

from caloron_actors.domain.dag import Dag, Mistake, read_dag
from caloron_actors.domain.dag.source import FILE_LIMIT

SMALL = b"""
[sprint]
id = "s"
start = 2026-05-04T09:00:00Z
[[agents]]
id = "dev"
[[tasks]]
id = "only"
assigned_to = "dev"
[review]
required_approvals = 0
"""


def refused(text: bytes, name: str) -> tuple[Mistake, ...]:
    result = read_dag(text, name=name)
    assert not isinstance(result, Dag)
    return result


@pytest.mark.parametrize(
    ("text", "name", "place", "words"),
    [
        (b"", "dag.yml", "", "ends neither in .toml nor in .json"),
        (b"", "dag", "", "ends neither in .toml nor in .json"),
        (b"\n\n\xff", "dag.toml", "line 3", "not UTF-8"),
        (b"[]" + b" " * FILE_LIMIT, "dag.json", "", "at most 8,388,608 are read"),
        (b"id = 1\nid = 2\n", "dag.toml", "line 2", "a key or table is given twice here"),
        (b"[sprint]\n[sprint]\n", "dag.toml", "line 2", "a key or table is given twice here"),
        (b"[sprint]\nx = {a = 1, a = 2}\n", "dag.toml", "line 2", "a key or table is given twice here"),
        (b"[sprint]\n[[tasks]]\n[tasks]\n", "dag.toml", "line 3", "not valid TOML"),
        (b"[sprint\n", "dag.toml", "line 1", "not valid TOML"),
        (b"a = 2026-02-31T00:00:00Z", "dag.toml", "", "not valid TOML"),
        (b"a = " + b"9" * 5000, "dag.toml", "", "not valid TOML"),
        (b'{\n"a": }', "dag.json", "line 2, column 6", "not valid JSON"),
        (b"", "dag.json", "line 1, column 1", "not valid JSON"),
        (b"NaN", "dag.json", "", "NaN is not a value JSON has"),
        (b"9" * 5000, "dag.json", "", "not valid JSON"),
        (b"null", "dag.json", "", "nothing but null"),
        (b'"plan"', "dag.json", "", "a plan is a table"),
        (b'{"data": {"output": 3}}', "dag.json", "data.sprint", "is missing"),
        (b"[" * 200_000, "dag.json", "", "too deeply"),
        (b"a = " + b"[" * 200_000, "dag.toml", "", "too deeply"),
        (b"x = 1\n" + b"a." * 400_000 + b"a = 1", "dag.toml", "line 2", "nests too deeply"),
        (b"[" + b'"a b" . ' * 400_000 + b"a]", "dag.toml", "line 1", "nests too deeply"),
    ],
)
def test_files_that_cannot_be_read(text: bytes, name: str, place: str, words: str) -> None:
    found = [mistake for mistake in refused(text, name) if mistake.place.startswith(place)]
    assert found
    assert any(words in mistake.message for mistake in found), found


def test_json_keys_given_twice_are_named_with_their_places() -> None:
    """D3: what is written twice must not overwrite itself silently."""
    text = (
        b'{"sprint": {"id": "s", "goal": "a", "goal": "b"}, "agents": [{"id": "dev"}],'
        b' "tasks": [{"id": "t", "assigned_to": "dev", "id": "t"}], "review": {"required_approvals": 0}}'
    )
    assert [mistake.place for mistake in refused(text, "dag.json")] == ["sprint.goal", "tasks[0].id"]


@pytest.mark.parametrize("inner", [{"tasks": []}, {"tasks": {}}])
def test_a_key_given_twice_is_refused_in_every_format(inner: object) -> None:
    text = b'{"data": ' + json.dumps(inner).encode()[:-1] + b', "x": 1, "x": 2}}'
    assert "data.x" in [mistake.place for mistake in refused(text, "dag.json")]


def test_a_byte_order_mark_and_windows_line_ends_are_taken() -> None:
    text = b"\xef\xbb\xbf" + SMALL.replace(b"\n", b"\r\n")
    plan = read_dag(text, name="DAG.TOML")
    assert isinstance(plan, Dag)
    assert plan.start == "2026-05-04T09:00:00+00:00"


def test_prose_of_many_sentences_is_no_deep_key() -> None:
    body = b"body = '" + b"One does this. One does that.... See a.b.c. " * 1000 + b"'\n[review]"
    assert isinstance(read_dag(SMALL.replace(b"[review]", body), name="dag.toml"), Dag)


def test_toml_dates_are_no_text() -> None:
    result = refused(SMALL.replace(b'"only"', b"2026-05-04"), "dag.toml")
    assert [str(mistake) for mistake in result] == ["tasks[0].id: must be text, but is a date or time"]


def test_toml_numbers_that_are_none_are_refused() -> None:
    result = refused(SMALL.replace(b"[review]", b"budget = {money = nan}\n[review]"), "dag.toml")
    assert [mistake.place for mistake in result] == ["tasks[0].budget.money"]


def test_toml_holds_the_own_format_only() -> None:
    result = refused(b'sprint_id = "s"\n[tasks.a]\ntitle = "x"\n', "dag.toml")
    assert ("sprint_id", "unknown key; did you mean 'sprint'?") in [(m.place, m.message) for m in result]
