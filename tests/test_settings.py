"""Settings: defaults, precedence, the shipped file, and the message for each mistake."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from caloron_actors.domain.events import Limits
from caloron_actors.settings import (
    Agents,
    Settings,
    SettingsError,
    default_state_directory,
    load_settings,
)

SHIPPED = Path(__file__).parents[1] / "config" / "caloron.toml"
HOME = {"HOME": "/home/ann"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "caloron.toml"
    path.write_text(text)
    return path


def test_the_shipped_file_says_the_defaults() -> None:
    assert load_settings(SHIPPED, HOME) == load_settings(None, HOME)


def test_the_shipped_file_has_every_key_in_the_order_of_the_code() -> None:
    keys = {section: list(table) for section, table in tomllib.loads(SHIPPED.read_text()).items()}
    settings = load_settings(None, HOME)
    assert keys == {
        name: list(getattr(settings, name).__struct_fields__) for name in Settings.__struct_fields__
    }


def test_every_key_of_the_shipped_file_has_a_comment_above_it_or_above_its_neighbour() -> None:
    lines = SHIPPED.read_text().splitlines()
    for section in [n for n, line in enumerate(lines) if line.startswith("[")]:
        assert lines[section + 1].startswith("#"), lines[section]


def test_the_defaults_of_a_sprint_are_the_domain_s() -> None:
    assert Agents().limits() == Limits()


def test_changed_settings_reach_the_limits_of_a_sprint(tmp_path: Path) -> None:
    path = written(tmp_path, '[agents]\nmax_agents = 9\nretry_cap = "2m"\nlaunch_attempts = 7\n')
    limits = load_settings(path, HOME).agents.limits()
    assert (limits.max_agents, limits.retry_cap, limits.launch_attempts) == (9, timedelta(minutes=2), 7)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[http]\nhost = "::1"\nport = 1\n[log]\nlevel = "error"\n')
    settings = load_settings(path, {**HOME, "CALORON_HTTP_PORT": "2", "CALORON_LOG_LEVEL": ""})
    assert (settings.http.host, settings.http.port, settings.log.level) == ("::1", 2, "error")


def test_a_variable_sets_each_kind_of_value(tmp_path: Path) -> None:
    settings = load_settings(
        None,
        {
            **HOME,
            "CALORON_AGENTS_COMMAND": "agent --say 'two words'",
            "CALORON_AGENTS_WALL_TIME": "1h30m",
            "CALORON_AGENTS_MAX_AGENTS": "2",
            "CALORON_LOG_FORMAT": "json",
            "CALORON_STATE_DIRECTORY": str(tmp_path),
            "CALORON_HTTP_TOKEN_FILE": "token",
        },
    )
    assert settings.agents.command == ("agent", "--say", "two words")
    assert settings.agents.wall_time == timedelta(minutes=90)
    assert (settings.agents.max_agents, settings.log.format) == (2, "json")
    assert (settings.state.directory, settings.http.token_file) == (tmp_path, Path.cwd() / "token")


def test_paths_of_the_file_start_at_the_file_or_at_home(tmp_path: Path) -> None:
    path = written(tmp_path, '[state]\ndirectory = "~/state"\n[http]\ntoken_file = "token"\n')
    settings = load_settings(path, HOME)
    assert settings.state.directory == Path("/home/ann/state")
    assert settings.http.token_file == tmp_path / "token"


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"STATE_DIRECTORY": "/var/lib/caloron", "XDG_STATE_HOME": "/xdg"}, "/var/lib/caloron"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
        ({"XDG_STATE_HOME": "/xdg", **HOME}, "/xdg/caloron"),
        ({"XDG_STATE_HOME": "relative", "STATE_DIRECTORY": "", **HOME}, "/home/ann/.local/state/caloron"),
    ],
)
def test_the_default_state_directory(environ: dict[str, str], directory: str) -> None:
    assert default_state_directory(environ) == Path(directory)


def test_no_home_and_no_state_directory_is_said() -> None:
    with pytest.raises(
        SettingsError, match="HOME is not set to a directory: set it, or CALORON_STATE_DIRECTORY"
    ):
        load_settings(None, {})


def test_a_state_directory_that_is_set_needs_no_home(tmp_path: Path) -> None:
    environ = {"CALORON_STATE_DIRECTORY": str(tmp_path)}
    assert load_settings(None, environ).state.directory == tmp_path


def test_variables_of_agents_and_strangers_are_no_settings() -> None:
    environ = {**HOME, "CALORON_AGENT_ID": "a", "CALORON_TASK_ID": "t", "HTTP_PORT": "1"}
    assert load_settings(None, environ) == load_settings(None, HOME)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[htpp]\nport = 1", ": htpp: unknown section; did you mean 'http'?"),
        ("[zzz]", ": zzz: unknown section; known are 'agents', 'forge', 'http', 'log', 'state'"),
        ("http = 1", "http: is a section: write [http] on a line of its own"),
        ("[agents]\nmax_agent = 1", "agents.max_agent: unknown key; did you mean 'max_agents'?"),
        ("[agents]\nmax_agents = 0", "agents.max_agents: 0 does not fit: expected a whole number, 1 or more"),
        (
            "[agents]\nmax_agents = true",
            "agents.max_agents: true does not fit: expected a whole number, 1 or more",
        ),
        ('[http]\nport = "1"', "http.port: '1' does not fit: expected a whole number from 0 to 65535"),
        ("[http]\nport = 65536", "http.port: 65536 does not fit: expected a whole number from 0 to 65535"),
        ("[http]\ntoken_file = 1", "http.token_file: 1 does not fit: expected a path, in quotes"),
        ("[http]\nhost = 1.5", "http.host: 1.5 does not fit: expected text in quotes"),
        (
            "[agents]\ncommand = ['a']",
            "agents.command: an array does not fit: expected a command line, in quotes",
        ),
        ("[log]\nlevel = 2026-01-01", "log.level: a date or time does not fit: expected one of 'debug', "),
        ('["a\\nb"]', r"['a\nb']: unknown section"),
        ("[forge]\npoll_idle = 60", "forge.poll_idle: 60 is not a duration such as 90s"),
        ('[forge]\npoll_idle = "1 day"', "forge.poll_idle: '1 day' is not a duration such as 90s"),
        ('[agents]\ncommand = "a \'b"', "agents.command: cannot be split into words (No closing quotation)"),
        ('[agents]\ncommand = " "', "agents.command: names no command: give one, or leave it empty"),
        (
            '[log]\nlevel = "loud"',
            "log.level: 'loud' does not fit: expected one of 'debug', 'info', 'warning', 'error'",
        ),
        ('[agents]\nretry_first = "1m"', "agents.retry_first: is longer than agents.retry_cap (1m > 30s)"),
        ("[http]\nport = 1\nport = 2", "is not valid TOML: Cannot overwrite a value (at line 3"),
        ("[http", "is not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_on_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text + "\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(path, HOME)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CALORON_HTTP_PROT", "1", "CALORON_HTTP_PROT: unknown variable; did you mean 'CALORON_HTTP_PORT'?"),
        (
            "CALORON_HTTP_PORT",
            "many",
            "CALORON_HTTP_PORT: 'many' does not fit: expected a whole number from 0 to 65535",
        ),
        (
            "CALORON_AGENTS_WALL_TIME",
            "soon",
            "CALORON_AGENTS_WALL_TIME: 'soon' is not a duration such as 90s",
        ),
        ("CALORON_LOG_LEVEL", "loud", "CALORON_LOG_LEVEL: 'loud' does not fit: expected one of"),
    ],
)
def test_a_mistake_in_a_variable_names_it(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {**HOME, name: value})
    assert message in str(caught.value)


def test_every_mistake_is_named_each_with_its_place(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[agents]\nmax_agent = 1\nmax_agents = 0\nretry_first = "1m"\nretry_cap = "soon"\n'
        '[forge]\npoll_interval = "2m"\n[http]\nport = "x"\n[loq]\n',
    )
    environ = {"CALORON_HTTP_PROT": "1", "CALORON_LOG_LEVEL": "loud"}
    with pytest.raises(SettingsError) as caught:
        load_settings(path, environ)
    places = [line.removeprefix(f"{path}: ").partition(": ")[0] for line in caught.value.lines]
    assert places == [
        "agents.max_agent",
        "agents.max_agents",
        "agents.retry_cap",
        "forge.poll_interval",
        "http.port",
        "loq",
        "CALORON_HTTP_PROT",
        "CALORON_LOG_LEVEL",
        "state.directory",
    ]
    assert str(caught.value).splitlines() == list(caught.value.lines)


@pytest.mark.parametrize("value", ["true", "[]", "{}", "1.5", "2026-01-01", "12:00:00", "-1"])
def test_no_mistake_is_told_in_the_words_of_a_programming_language(tmp_path: Path, value: str) -> None:
    """Whatever stands at a key, the message speaks of what a file holds."""
    names = {name: type(getattr(load_settings(None, HOME), name)) for name in Settings.__struct_fields__}
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key in section.__struct_fields__)
        for name, section in names.items()
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, text), HOME)
    assert len(caught.value.lines) == sum(len(section.__struct_fields__) for section in names.values())
    words = {word.strip("'`,") for line in caught.value.lines for word in line.partition(": ")[2].split()}
    assert (
        words & {"int", "str", "bool", "float", "got", "True", "None", "list", "dict", "datetime.date"}
        == set()
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read \(No such file or directory\)"):
        load_settings(tmp_path / "absent.toml", HOME)
    with pytest.raises(SettingsError, match=r"cannot be read \(Is a directory\)"):
        load_settings(tmp_path, HOME)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[log]\nlevel = "\xe9"\n')
    with pytest.raises(SettingsError, match=r"latin\.toml: is not UTF-8 text"):
        load_settings(latin, HOME)
