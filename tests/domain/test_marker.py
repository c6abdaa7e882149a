"""Marks that nobody can forge, and words that do nothing on a forge."""

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caloron_actors.domain.ids import EffectKey
from caloron_actors.domain.marker import TEXT_LIMIT, mark, marked, neutralise, one_line, unmarked

SECRET, OTHER = b"secret of this state directory", b"secret of another one"
KEY = EffectKey("s1/a/PostComment/3")

# The forge's own rules, written down again: what it links, closes and notifies.
CLOSES = re.compile(
    r"(?:clos(?:e|es|ed)|fix(?:es|ed)?|resolv(?:e|es|ed))\s*:?\s*(?:[\w.-]+/[\w.-]+)?#\d", re.IGNORECASE
)
CLOSES_URL = re.compile(
    r"(?:clos(?:e|es|ed)|fix(?:es|ed)?|resolv(?:e|es|ed))\s*:?\s*(?:GH-\d|https?://\S+/(?:issues|pull|pulls)/\d)",
    re.IGNORECASE,
)
MENTIONS = re.compile(r"@[A-Za-z0-9]")

keys = st.builds(
    "/".join,
    st.tuples(*[st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)] * 2, st.just("PostComment/1")),
).map(EffectKey)
nasty = st.lists(
    st.sampled_from(
        [
            *(
                "@maria",
                "@",
                "close",
                "Fixes",
                "resolved",
                ":",
                " ",
                "#",
                "12",
                "o/r",
                "<!--",
                "-->",
                "caloron:",
            ),
            *(
                "\x00",
                "\x1b[31m",
                "\u202e",
                "\n",
                "\r",
                "\t",
                "GH-",
                "https://h/o/r/issues/",
                mark(SECRET, KEY),
            ),
            *("\u200b", "\ud800", "\u2066", "\x85", "<", "!--"),
        ]
    ),
    max_size=30,
).map("".join)
texts = st.text() | nasty | st.text(st.sampled_from("@#<!- closefixdrv:1\n\x00\x1b"))


@given(keys, st.text(), st.text())
def test_a_genuine_mark_is_found_in_any_body(key: EffectKey, before: str, after: str) -> None:
    assert marked(SECRET, f"{before}\n{mark(SECRET, key)}\n{after}", key)


@given(keys, keys)
def test_no_mark_without_the_secret(key: EffectKey, other: EffectKey) -> None:
    """A mark made with another secret, or for another effect, is none."""
    assert not marked(SECRET, mark(OTHER, key), key)
    assert marked(SECRET, mark(SECRET, other), key) is (key == other)


@given(st.text(st.sampled_from("0123456789abcdef"), min_size=32, max_size=32))
def test_guessing_the_code_does_not_help(code: str) -> None:
    genuine = mark(SECRET, KEY)
    forged = f"<!-- caloron:{KEY} {code} -->"
    assert marked(SECRET, forged, KEY) is (forged == genuine)


def test_the_key_is_bound_to_its_code() -> None:
    """Words around a mark, or a longer key, do not move its code to another effect."""
    genuine = mark(SECRET, KEY)
    assert not marked(SECRET, genuine.replace("a/Post", "b/Post"), EffectKey("s1/b/PostComment/3"))
    assert not marked(SECRET, genuine.replace(" -->", "0 -->"), KEY)
    assert not marked(SECRET, genuine.upper(), KEY)


def test_a_mark_carries_the_longest_key() -> None:
    part = "a" * 64
    key = EffectKey(f"{part}/{part}/LaunchReviewer/{part}.12345")
    assert marked(SECRET, mark(SECRET, key), key)


@given(texts)
def test_nothing_of_an_agents_words_acts_on_a_forge(text: str) -> None:
    """No mention, no closing keyword, no hidden comment, no control character, no mark that was copied."""
    clean = neutralise(text)
    assert not MENTIONS.search(clean)
    assert not CLOSES.search(clean)
    assert not CLOSES_URL.search(clean)
    assert "<!--" not in clean
    assert not marked(SECRET, clean, KEY)
    assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(clean)
    clean.encode()


@given(texts)
def test_neutral_words_stay_as_they_are(text: str) -> None:
    """Doing it twice changes nothing more, and what people read is kept."""
    clean = neutralise(text)
    assert neutralise(clean) == clean
    visible = [c for c in text if c.isalnum()]
    assert [c for c in clean if c.isalnum()] == visible


@pytest.mark.parametrize(
    "text",
    [
        "Closes #1",
        "closes: #1",
        "FIXES o/r#12",
        "resolved\n#3",
        "fix\x00es #4",
        "_close #5",
        "fixes#6",
        "fix GH-7",
    ],
)
def test_closing_words(text: str) -> None:
    """A7: each of these would close an issue."""
    assert not CLOSES.search(neutralise(text))
    assert not CLOSES_URL.search(neutralise(text))


@pytest.mark.parametrize(
    "text",
    ["&#64;maria", "&#x40;maria", "&#064;maria", "&commat;maria", "&COMMAT;maria", "@_maria", "@\u00e4"],
)
def test_mentions_in_disguise(text: str) -> None:
    """A character that is written as a reference is one when it is shown."""
    assert not re.search(r"@\w", html.unescape(neutralise(text)))


@pytest.mark.parametrize("text", ["fixes &#35;4", "fixes &num;4", "fi&#120;es #4", "&#99;loses #4"])
def test_closing_words_in_disguise(text: str) -> None:
    assert not CLOSES.search(html.unescape(neutralise(text)))


@pytest.mark.parametrize("hidden", ["\u200e", "\u200f", "\u061c", "\u2028", "\u2029", "\ufeff", "\U000e0041"])
def test_nothing_is_said_that_cannot_be_seen(hidden: str) -> None:
    """What turns the reading direction, breaks lines unseen, or spells words in invisible letters."""
    assert neutralise(f"a{hidden}b") == "ab"


@given(st.text(st.sampled_from("@#<!- caloronx\n")), st.sampled_from(["", " ", "\n"]))
def test_the_operators_words_keep_all_but_marks(text: str, gap: str) -> None:
    """A plan may have comments, mentions and closing words of its own; a mark in it was copied from somewhere."""
    assert unmarked("@maria closes #4 <!-- why -->") == "@maria closes #4 <!-- why -->"
    copied = mark(SECRET, KEY).replace("<!-- ", f"<!--{gap}")
    assert not marked(SECRET, unmarked(f"{text}{copied}{text}"), KEY)
    assert not marked(SECRET, unmarked(mark(SECRET, KEY).replace("<!", "<\x00!")), KEY)
    if "caloron:" not in text:
        assert unmarked(text) == text


@pytest.mark.parametrize(
    "endless",
    [
        "close" + " " * 250_000 + "x",
        "close" * 50_000,
        "fixes " * 40_000 + "a" * 250_000,
        "fix:" + "\n" * 250_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_words_hold_the_service_up(endless: str) -> None:
    """Cleaning takes time by the length of a text, not by its square: that would be hours here."""
    assert neutralise(f"{endless} closes #4", limit=len(endless) + 20).endswith("closes\u200b #4")


def test_plain_words_are_not_touched() -> None:
    text = "Looks good: see #3, a < b, 100 % and e\u0301.\n\n- one\n\t- two"
    assert neutralise(text) == text
    assert neutralise("one\r\ntwo") == "one\ntwo"


def test_long_words_are_cut_and_say_so() -> None:
    clean = neutralise("x" * (TEXT_LIMIT + 5))
    assert clean == "x" * TEXT_LIMIT + "\n\n(cut: 5 more characters)"


@given(texts, st.integers(2, 50))
def test_one_line_is_one_printable_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
