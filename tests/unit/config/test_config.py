"""Every setting: where it may stand, which of several values wins, what is said of a bad one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from localdlc.config import (
    SETTINGS,
    Cloud,
    CodeSource,
    Config,
    Dataset,
    Oss,
    Sample,
    load_config,
    strangers,
)
from localdlc.config.gpus import Gpu
from localdlc.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory two folders below the project's, beside the user's home."""
    working = tmp_path / "project" / "src" / "deep"
    working.mkdir(parents=True)
    return working


class Layers:
    """The files of a test: the user's and the project's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder.parent.parent
        self.users = folder.parent.parent.parent / "ann"

    def write(self, place: Path, text: str) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def user_file(self, text: str) -> Path:
        return self.write(self.users / ".config/localdlc/localdlc.toml", text)

    def project_file(self, text: str) -> Path:
        return self.write(self.project / "localdlc.toml", text)

    def load(self, *, env: Mapping[str, str] | None = None, **flags: Any) -> Config:
        return load_config(flags, {"HOME": str(self.users), **(env or {})}, self.folder)


@pytest.fixture
def layers(folder: Path) -> Layers:
    return Layers(folder)


def test_without_any_layer_everything_is_its_default(layers: Layers) -> None:
    config = layers.load()
    assert config.home == layers.users / ".localdlc"
    assert (config.pull, config.keep, config.grace, config.offline) == (
        "missing",
        "never",
        None,
        False,
    )
    assert set(config.origins.values()) == {"default"}
    assert config.origins.keys() == {f.name for f in fields(Config)} - {"origins"}
    assert config.namespace == "t1000000000000000"


def test_flag_before_variable_before_project_before_user_before_default(layers: Layers) -> None:
    layers.user_file('keep = "failed"\npull = "always"\nuser_id = 1\ngrace = 1')
    layers.project_file('pull = "never"\nuser_id = 2\ngrace = 2')
    config = layers.load(env={"LOCALDLC_USER_ID": "3", "LOCALDLC_GRACE": "3"}, grace=4.0)
    assert (config.offline, config.keep, config.pull) == (False, "failed", "never")
    assert (config.user_id, config.grace) == ("3", 4.0)
    assert [config.origins[n] for n in ("offline", "keep", "pull", "user_id", "grace")] == [
        "default",
        str(layers.users / ".config/localdlc/localdlc.toml"),
        str(layers.project / "localdlc.toml"),
        "LOCALDLC_USER_ID",
        "--grace",
    ]


def test_tables_are_merged_key_by_key(layers: Layers) -> None:
    layers.user_file('[image_map]\na = "user"\nb = "user"')
    layers.project_file('[image_map]\nb = "project"\nc = "project"')
    config = layers.load(env={"LOCALDLC_IMAGE_MAP": "c=env,d=env"}, image_map=("d=flag",))
    assert config.image_map == {"a": "user", "b": "project", "c": "env", "d": "flag"}
    assert config.origins["image_map"] == "--image-map"


def test_the_nearest_project_file_is_the_one(layers: Layers) -> None:
    layers.project_file('keep = "always"')
    layers.write(layers.folder / "localdlc.toml", 'keep = "failed"')
    assert layers.load().keep == "failed"


def test_a_named_file_stands_in_for_the_projects(layers: Layers) -> None:
    layers.project_file('keep = "always"')
    other = layers.write(layers.folder / "other.toml", 'keep = "failed"')
    assert layers.load(config="other.toml").keep == "failed"
    assert layers.load(env={"LOCALDLC_CONFIG": str(other)}).keep == "failed"
    assert layers.load(env={"LOCALDLC_CONFIG": "none.toml"}, config=str(other)).keep == "failed"


def test_a_named_file_that_is_not_there_is_an_error(layers: Layers) -> None:
    with pytest.raises(UsageError, match=r"there is no configuration file /.*/none.toml"):
        layers.load(config="none.toml")


def test_xdg_config_home_is_respected(layers: Layers, tmp_path: Path) -> None:
    layers.write(tmp_path / "xdg/localdlc/localdlc.toml", 'keep = "always"')
    assert layers.load(env={"XDG_CONFIG_HOME": str(tmp_path / "xdg")}).keep == "always"


# folders


def test_a_relative_folder_is_relative_to_what_names_it(layers: Layers) -> None:
    layers.project_file('home = "h"\n[map]\nu = "../data"\n[code_sources.c]\nrepository = "repo"')
    config = layers.load(env={"LOCALDLC_MAP": "e=./env"}, map=("f=flag",))
    assert config.home == layers.project / "h"
    assert config.map == {
        "u": layers.project.parent / "data",
        "e": layers.folder / "env",
        "f": layers.folder / "flag",
    }
    assert config.code_sources["c"].repository == str(layers.project / "repo")


def test_a_folder_may_be_a_path_of_python(layers: Layers, tmp_path: Path) -> None:
    config = layers.load(home=tmp_path / "h", map={"u": tmp_path})
    assert (config.home, config.map) == (tmp_path / "h", {"u": tmp_path})


@pytest.mark.parametrize("url", ["https://h/r.git", "git@h:r.git", "ssh://h/r", "file:///r", "h:r"])
def test_a_url_of_a_repository_stays_as_it_is(layers: Layers, url: str) -> None:
    layers.project_file(f'[code_sources.c]\nrepository = "{url}"')
    assert layers.load().code_sources == {"c": CodeSource(url)}


def test_a_mapping_is_divided_at_its_last_equals_sign(layers: Layers) -> None:
    assert layers.load(map=("oss://b/dt=2026/=/d",)).map == {"oss://b/dt=2026/": Path("/d")}


def test_gpus_are_written_down_with_what_is_known_of_them(layers: Layers) -> None:
    layers.project_file(
        "[[gpu_inventory]]\nindex = 1\nuuid = 'b'\n"
        "[[gpu_inventory]]\nindex = 0\nuuid = 'a'\nname = 'MI300X'\nmemory = '192GiB'\n"
        "devices = ['/dev/kfd', '/dev/dri/renderD128']\nlinks = ['b']"
    )
    devices = ("/dev/kfd", "/dev/dri/renderD128")
    first = Gpu(0, "a", "MI300X", 192 << 30, links=("b",), devices=devices)
    assert layers.load().gpu_inventory == (first, Gpu(1, "b", "GPU", 0))


def test_one_of_several_may_be_a_number(layers: Layers) -> None:
    layers.project_file("gpu_devices = 1")
    assert layers.load().gpu_devices == ("1",)


# variables

FROM_ENVIRONMENT = {
    "home": ("/h", Path("/h")),
    "user_id": ("42", "42"),
    "pull": ("never", "never"),
    "offline": ("yes", True),
    "keep": ("always", "always"),
    "grace": ("2.5", 2.5),
    "time_scale": ("60", 60.0),
    "subnets": (
        "10.1.0.0/16, 10.2.0.0/16",
        (IPv4Network("10.1.0.0/16"), IPv4Network("10.2.0.0/16")),
    ),
    "map": ("u=/a,v=/b", {"u": Path("/a"), "v": Path("/b")}),
    "image_map": ("a:1=b:2", {"a:1": "b:2"}),
    "code_sources": (
        json.dumps({"c": {"repository": "/r", "branch": "main", "clone_type": 1}}),
        {"c": CodeSource("/r", branch="main", clone_type=1)},
    ),
    "datasets": (
        json.dumps({"d-1": {"uri": "oss://b/p/", "versions": {"v1": "oss://b/1/"}}}),
        {"d-1": Dataset(uri="oss://b/p/", versions={"v1": "oss://b/1/"})},
    ),
    "sample": ("1.5GiB", Sample(bytes=3 << 29)),
    "code_dir": ("/src", Path("/src")),
    "oss": (json.dumps({"access_key_id": "i", "region": "r"}), Oss("i", region="r")),
    "cloud": (json.dumps({"sts_endpoint": "s"}), Cloud("s")),
    "credentials": ("jobs", "jobs"),
    "dashboard": ("8265", 8265),
    "resolve": ("cloud", "cloud"),
    "write_back": ("1", True),
    "allow_privileged": ("1", True),
    "resources": ("exact", "exact"),
    "no_wait": ("1", True),
    "gpus": ("shrink", "shrink"),
    "nproc": ("2", 2),
    "gpu_devices": ("0,GPU-b", ("0", "GPU-b")),
    "gpu_inventory": (
        '[{"index": 1, "uuid": "GPU-b", "name": "H100", "memory": 85899345920, "numa": 0}]',
        (Gpu(1, "GPU-b", "H100", 80 << 30, numa=0),),
    ),
    "nccl": ("same-host", "same-host"),
    "hang_timeout": ("5m", 300.0),
    "on_hang": ("go-on", "go-on"),
    "debug_replica": ("master-0:5678,worker-0", ("master-0:5678", "worker-0")),
    "fault": ("worker-1:kill@30s,ps-0:pause", ("worker-1:kill@30s", "ps-0:pause")),
    "metrics": ("off", "off"),
    "engine_patience": ("5", 5.0),
    "limit_jobs": ("100", 100),
    "limit_logs": ("5GB", 5 * 10**9),
    "limit_cache": ("2TB", 2 * 10**12),
    "allow_host_path": ("/etc/ssl,/dev/nvme0", (Path("/etc/ssl"), Path("/dev/nvme0"))),
    "denied_host_paths": ("/srv", (Path("/srv"),)),
}


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("100files", Sample(files=100)),
        ("1 file", Sample(files=1)),
        ("512MB", Sample(bytes=512_000_000)),
        ("2kib", Sample(bytes=2048)),
        ("100B", Sample(bytes=100)),
        ("1%", Sample(share=0.01)),
        ("100%", Sample(share=1.0)),
    ],
)
def test_a_sample_is_files_bytes_or_a_share(layers: Layers, text: str, sample: Sample) -> None:
    assert layers.load(sample=text).sample == sample


@pytest.mark.parametrize(
    "text", ["", "100", "-5files", "0files", "0%", "a few", "1 MBit", "100.1%"]
)
def test_what_is_no_sample_is_said(layers: Layers, text: str) -> None:
    layers.project_file(f'sample = "{text}"')
    with pytest.raises(UsageError, match=r"100files, 512MB or 1%|at most 100%"):
        layers.load()


def test_a_wrong_member_of_a_table_is_named_with_its_table(layers: Layers) -> None:
    layers.project_file('[datasets."d-1"]\nproperty = "FOO"')
    told = r"localdlc.toml: datasets: 'd-1': property: expected one of FILE, DIRECTORY, got 'FOO'"
    with pytest.raises(UsageError, match=told):
        layers.load()


def test_every_setting_has_a_variable_here() -> None:
    assert (
        FROM_ENVIRONMENT.keys() == SETTINGS.keys() == {f.name for f in fields(Config)} - {"origins"}
    )


@pytest.mark.parametrize("name", FROM_ENVIRONMENT)
def test_every_setting_can_be_given_as_a_variable(layers: Layers, name: str) -> None:
    text, value = FROM_ENVIRONMENT[name]
    config = layers.load(env={f"LOCALDLC_{name.upper()}": text})
    assert getattr(config, name) == value
    assert config.origins[name] == f"LOCALDLC_{name.upper()}"


def test_an_empty_variable_is_none(layers: Layers) -> None:
    assert layers.load(env={"LOCALDLC_KEEP": "", "LOCALDLC_GRACE": ""}) == layers.load()


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("no", False), ("0", False), ("False", False)]
)
def test_a_switch_has_several_spellings(layers: Layers, text: str, value: bool) -> None:
    assert layers.load(env={"LOCALDLC_OFFLINE": text}).offline is value


def test_a_variable_that_means_nothing_is_told() -> None:
    ours = {f"LOCALDLC_{name.upper()}": "x" for name in SETTINGS}
    others = {"LOCALDLC_CONFIG": "f", "LOCALDLC_TEST_THIS": "1"}
    assert strangers({**ours, **others, "DLC": "1"}) == []
    assert strangers({"LOCALDLC_KEPE": "always", "LOCALDLC_XYZZY": ""}) == [
        "LOCALDLC_KEPE has no effect: there is no such setting. Did you mean LOCALDLC_KEEP?",
        "LOCALDLC_XYZZY has no effect: there is no such setting.",
    ]


# what is wrong


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('keeep = "always"', "there is no setting 'keeep'. Did you mean keep?"),
        ("zzz = 1", "there is no setting 'zzz'. There are: home, user_id"),
        ('keep = "sometimes"', "keep: expected one of never, failed, always, got 'sometimes'"),
        ("keep = 1", "keep: expected one of never, failed, always, got 1"),
        ('grace = "soon"', "grace: expected a number of seconds, 0 or more, got 'soon'"),
        ("grace = -1", "grace: expected a number of seconds, 0 or more, got -1"),
        ("grace = nan", "grace: expected a number of seconds, 0 or more, got nan"),
        ("grace = inf", "grace: expected a number of seconds, 0 or more, got inf"),
        ("grace = []", "grace: expected a number of seconds, 0 or more, got []"),
        ("nproc = 0", "nproc: expected a whole number, 1 or more, got 0"),
        ("gpus = 'all'", "gpus: expected one of strict, share, shrink, none, got 'all'"),
        ("gpu_devices = true", "gpu_devices: expected a text, got True"),
        ("gpu_inventory = 1", "gpu_inventory: expected a list such as"),
        ("gpu_inventory = 'GPU-a'", "gpu_inventory: expected a list such as"),
        ("[[gpu_inventory]]\nindex = 0", "gpu_inventory: GPU 0 needs an index and a uuid"),
        ("[[gpu_inventory]]\nuuid = 'a,b'", "'GPU 0': uuid: expected a text without commas"),
        ("[[gpu_inventory]]\nmemory = 'much'", "'GPU 0': memory: expected a size in bytes or such"),
        (
            "gpu_inventory = [{index = 0, uuid = 'a'}, {index = 1, uuid = 'a'}]",
            "gpu_inventory: two GPUs have one uuid",
        ),
        ("dashboard = 0", "dashboard: expected a port, 1 to 65535, got 0"),
        ('offline = "maybe"', "offline: expected true or false, got 'maybe'"),
        ("home = true", "home: expected a text, got True"),
        ('home = ""', "home: expected a text, got ''"),
        ('home = "~nobody-1/x"', "home: Could not determine home directory"),
        (
            'subnets = ["10.0.0.1/8"]',
            "10.77.0.0/16, got ['10.0.0.1/8'] (10.0.0.1/8 has host bits set)",
        ),
        ("subnets = [[]]", "subnets: expected IPv4 networks such as 10.77.0.0/16, got [[]]"),
        ("subnets = 5", "subnets: expected IPv4 networks such as 10.77.0.0/16, got 5"),
        ('map = ["u"]', "map: expected FROM=TO, got 'u'"),
        ('map = ["=d"]', "map: expected FROM=TO, got '=d'"),
        ("map = [[1]]", "map: expected a text, got [1]"),
        ("[map]\nu = []", "map: expected a text, got []"),
        ("code_sources = 1", "code_sources: expected a table such as"),
        ("[code_sources.c]\nbranch = 'b'", "code_sources: 'c' needs a repository"),
        ("[code_sources]\nc = 1", "code_sources: 'c' needs a repository"),
        (
            "[code_sources.c]\nrepository = '/r'\nbranhc = 'b'",
            "code_sources: 'c' has no 'branhc'; it may have: repository, branch",
        ),
        ("[code_sources.c]\nrepository = '/r'\nclone_type = 2", "'c': clone_type is 0 or 1"),
        ("[code_sources.c]\nrepository = '/r'\ntoken = []", "expected a text, got a list"),
        ("keep = ", "cannot be read: Invalid value"),
    ],
)
def test_a_bad_setting_is_told_with_its_file(layers: Layers, toml: str, says: str) -> None:
    file = layers.project_file(toml)
    with pytest.raises(UsageError) as error:
        layers.load()
    assert str(error.value).startswith(f"{file}")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("GRACE", "soon", "LOCALDLC_GRACE: expected a number of seconds, 0 or more, got 'soon'"),
        ("SUBNETS", "here", "LOCALDLC_SUBNETS: expected IPv4 networks such as 10.77.0.0/16, got"),
        ("MAP", "a,b", "LOCALDLC_MAP: expected FROM=TO, got 'a'"),
        ("CODE_SOURCES", "{", "LOCALDLC_CODE_SOURCES: "),
        ("CODE_SOURCES", "[]", "LOCALDLC_CODE_SOURCES: expected a table"),
    ],
)
def test_a_bad_variable_is_told_by_its_name(
    layers: Layers, name: str, text: str, says: str
) -> None:
    with pytest.raises(UsageError) as error:
        layers.load(env={f"LOCALDLC_{name}": text})
    assert str(error.value).startswith(says)


def test_a_bad_flag_is_told_by_its_name(layers: Layers) -> None:
    with pytest.raises(UsageError, match=r"^map: expected FROM=TO, got 'nothing'$"):
        layers.load(map=("nothing",))


def test_a_file_that_is_not_utf_8_is_told(layers: Layers) -> None:
    file = layers.project_file("")
    file.write_bytes(b'home = "\xff"')
    with pytest.raises(UsageError, match="cannot be read"):
        layers.load()


def test_a_token_is_not_in_the_words_of_a_code_source() -> None:
    assert "s3cret" not in repr(CodeSource("/r", token="s3cret"))
