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


def test_variables_of_agents_and_strangers_are_no_settings() -> None:
    environ = {**HOME, "CALORON_AGENT_ID": "a", "CALORON_TASK_ID": "t", "HTTP_PORT": "1"}
    assert load_settings(None, environ) == load_settings(None, HOME)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[htpp]\nport = 1", "unknown section [htpp]: did you mean http?"),
        ("[zzz]", "unknown section [zzz]: known are agents, forge, http, log, state"),
        ("http = 1", "http is a section: write [http] on a line of its own"),
        ("[agents]\nmax_agent = 1", "unknown key agents.max_agent: did you mean max_agents?"),
        ("[agents]\nmax_agents = 0", "agents.max_agents: 0 does not fit: expected int >= 1"),
        ("[agents]\nmax_agents = true", "agents.max_agents: True does not fit: expected int, got bool"),
        ('[http]\nport = "1"', "http.port: '1' does not fit: expected int, got str"),
        ("[http]\nport = 65536", "http.port: 65536 does not fit: expected int <= 65535"),
        ("[http]\ntoken_file = 1", "http.token_file: 1 does not fit: expected text in quotes"),
        ("[forge]\npoll_idle = 60", "forge.poll_idle: 60 is not a duration such as 90s"),
        ('[forge]\npoll_idle = "1 day"', "forge.poll_idle: '1 day' is not a duration such as 90s"),
        ('[agents]\ncommand = "a \'b"', "agents.command: cannot be split into words (No closing quotation)"),
        ('[agents]\ncommand = " "', "agents.command: names no command: give one, or leave it empty"),
        (
            '[log]\nlevel = "loud"',
            "log.level: 'loud' does not fit: use one of 'debug', 'info', 'warning', 'error'",
        ),
        ('[agents]\nretry_first = "1m"', "agents.retry_first is longer than agents.retry_cap (1m > 30s)"),
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
        ("CALORON_HTTP_PROT", "1", "unknown variable CALORON_HTTP_PROT: did you mean CALORON_HTTP_PORT?"),
        ("CALORON_HTTP_PORT", "many", "CALORON_HTTP_PORT: 'many' does not fit: expected int, got str"),
        (
            "CALORON_AGENTS_WALL_TIME",
            "soon",
            "CALORON_AGENTS_WALL_TIME: 'soon' is not a duration such as 90s",
        ),
        ("CALORON_LOG_LEVEL", "loud", "CALORON_LOG_LEVEL: 'loud' does not fit: use one of"),
    ],
)
def test_a_mistake_in_a_variable_names_it(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {**HOME, name: value})
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read \(No such file or directory\)"):
        load_settings(tmp_path / "absent.toml", HOME)
    with pytest.raises(SettingsError, match=r"cannot be read \(Is a directory\)"):
        load_settings(tmp_path, HOME)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[log]\nlevel = "\xe9"\n')
    with pytest.raises(SettingsError, match=r"latin\.toml: is not UTF-8 text"):
        load_settings(latin, HOME)
