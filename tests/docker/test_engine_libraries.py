"""Libraries: resolved once by the image's pip, installed in every replica without a network."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from engines import BASE, CommandLine, Done, job
from package_index import Index, file_name, package_index, wheel, write_index

from localdlc.record.store import home_digest

pytestmark = pytest.mark.engine

FOUR = {"Master": 1, "Worker": 3}
LOGIN = ("reader", "c0rrect-h0rse-pip")
PACKAGES = {
    file_name("alpha"): wheel("alpha", needs=["beta>=1", "wheel"]),
    file_name("beta", "1.5"): wheel("beta", "1.5"),
    file_name("beta", "2.0"): wheel("beta", "2.0"),
    file_name("gamma"): wheel("gamma", script="say-gamma"),
    file_name("torn"): b"no wheel",
    # The image has one; nobody may want another.
    file_name("wheel", "99.0"): wheel("wheel", "99.0"),
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with package_index(dict(PACKAGES), tmp_path, LOGIN) as served:
        yield served


def pip(index: Index, **variables: str) -> dict[str, str]:
    """A pip of this machine that is set up by the test alone."""
    nothing = {"PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": ""}
    return {**nothing, "PIP_INDEX_URL": index.url, "PIP_CERT": str(index.certificate), **variables}


def wanting(command: str, *libraries: str, roles: dict[str, int] | None = None, **more: Any) -> Any:
    return job(command, roles, ThirdpartyLibs=list(libraries), **more)


def version(name: str) -> str:
    return f"python3 -c 'import {name}; print({name}.version)'"


def said(done: Done) -> set[str]:
    return {line.partition(" | ")[2] for line in done.lines}


def staged(done: Done) -> dict[str, Any]:
    (event,) = done.of("InputStaged")
    return event


def folder_with(tmp_path: Path, **files: str) -> dict[str, Any]:
    """A data source at /mnt/lib with these text files, and ThirdpartyLibDir set to it."""
    folder = tmp_path / "lib"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    source = {"Uri": folder.as_uri(), "MountPath": "/mnt/lib", "MountAccess": "RO"}
    return {"DataSources": [source], "ThirdpartyLibDir": "/mnt/lib/"}


# once for all


def test_four_replicas_share_one_resolution_and_the_next_job_asks_nobody(
    localdlc: CommandLine, index: Index
) -> None:
    request = wanting(version("beta"), "alpha", "gamma", roles=FOUR)
    first = localdlc.run(request, "-o", "json", **pip(index))
    assert first.code == 0
    assert sorted(index.files) == [
        "alpha-1.0-py3-none-any.whl",
        file_name("beta", "2.0"),
        "gamma-1.0-py3-none-any.whl",
    ]
    logs = {event["text"] for event in first.of("Log")}
    assert {"2.0", "Successfully installed alpha-1.0 beta-2.0 gamma-1.0"} <= logs
    assert not any(line.startswith("Processing") for line in logs)
    assert any(line.startswith("Requirement already satisfied: wheel") for line in logs)

    index.asked.clear()
    second = localdlc.run(request, "-o", "json", **pip(index))
    assert second.code == 0
    assert [event["text"] for event in second.of("Log")].count("2.0") == 4
    assert index.asked == []
    assert (staged(first)["cached"], staged(second)["cached"]) == (False, True)
    assert staged(second)["files"] == 3


def test_equal_requirements_in_another_spelling_are_the_same(
    localdlc: CommandLine, index: Index
) -> None:
    localdlc.run(wanting("true", "alpha >= 1.0", "Gamma"), **pip(index))
    index.asked.clear()
    done = localdlc.run(wanting("true", "gamma", "Alpha>=1.0"), **pip(index))
    assert done.code == 0
    assert index.asked == []


def test_two_jobs_at_once_resolve_once(localdlc: CommandLine, index: Index) -> None:
    index.open.clear()
    settings = pip(index)
    request = wanting(version("gamma"), "gamma")
    one = localdlc.start_job(request, "--job-id", "dlcone", **settings)
    assert index.held.wait(60)
    other = localdlc.start_job(request, "--job-id", "dlcother", **settings)
    other.wait_for("dlcone is bringing them")
    index.open.set()
    assert [going.finish().lines[-1] for going in (one, other)] == ["master-0 | 1.0"] * 2
    assert index.files == [file_name("gamma")]


def test_what_the_image_has_is_neither_fetched_nor_installed(
    localdlc: CommandLine, index: Index
) -> None:
    done = localdlc.run(wanting("echo trained", "wheel"), **pip(index))
    assert done.lines[0].startswith("master-0 | Requirement already satisfied: wheel in ")
    assert done.lines[1:] == ["master-0 | trained"]
    assert index.files == []


def test_what_the_image_has_in_another_version_is_replaced(
    localdlc: CommandLine, index: Index
) -> None:
    done = localdlc.run(wanting(version("wheel"), "wheel==99.0"), **pip(index))
    assert done.lines[-1] == "master-0 | 99.0"
    assert "Found existing installation: wheel 0.38.4" in {line.strip() for line in said(done)}


# the image in which they are


def ready_images(client: docker.APIClient, localdlc: CommandLine) -> list[str]:
    ours = f"localdlc/libraries:{home_digest(localdlc.home)}-"
    tags = (tag for image in client.images() for tag in image["RepoTags"] or ())
    return sorted(tag for tag in tags if tag.startswith(ours))


def test_what_is_installed_is_a_programs_and_pips_and_each_replicas_own(
    localdlc: CommandLine, index: Index, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    more = wheel("gamma", "2.0", script="say-gamma")
    (tmp_path / "more" / file_name("gamma", "2.0")).write_bytes(more)
    source = {"Uri": f"{tmp_path.as_uri()}/more", "MountPath": "/mnt/more", "MountAccess": "RO"}
    command = f"""\
say-gamma; [ $RANK = 1 ] || exit 0
pip install --no-index /mnt/more/{file_name("gamma", "2.0")} >/dev/null; say-gamma
pip uninstall --yes gamma >/dev/null; {version("gamma")} 2>/dev/null || echo gone
"""
    roles = {"Master": 1, "Worker": 1}
    request = wanting(command, "gamma", roles=roles, DataSources=[source])
    for _ in range(2):
        done = localdlc.run(request, **pip(index))
        assert done.code == 0
        worker = [line for line in done.lines if line.startswith("worker-0 | ")]
        assert worker[-3:] == [f"worker-0 | {told}" for told in ("1.0", "2.0", "gone")]
        assert "master-0 | 1.0" in done.lines


def test_the_image_is_the_askeds_own_with_a_layer_more(
    localdlc: CommandLine, index: Index, docker_client: docker.APIClient
) -> None:
    request = wanting("true", "gamma", Envs={"PIP_NO_COLOR": "1", "WORD": "secret-word"})
    assert localdlc.run(request, **pip(index)).code == 0
    (name,) = ready_images(docker_client, localdlc)
    inspect = docker_client.inspect_image
    ready, asked = (inspect(image) for image in (name, BASE))  # type: ignore[no-untyped-call]
    labels = ready["Config"].pop("Labels")
    asked["Config"].pop("Labels")
    assert not any(labels.values())
    entries = {bool(image["Config"].pop("Entrypoint")) for image in (ready, asked)}
    assert entries == {False}
    assert ready["Config"] == asked["Config"]
    layers = asked["RootFS"]["Layers"]
    assert ready["RootFS"]["Layers"][:-1] == layers
    localdlc("cache", "rm", "--kind", "wheels")
    assert ready_images(docker_client, localdlc) == []


def test_an_image_that_somebody_removed_is_made_anew_without_a_network(
    localdlc: CommandLine, index: Index, docker_client: docker.APIClient
) -> None:
    request = wanting(version("gamma"), "gamma")
    settings = pip(index)
    localdlc.run(request, **settings)
    (name,) = ready_images(docker_client, localdlc)
    docker_client.remove_image(name)
    done = localdlc.run(request, "--offline", **settings)
    assert done.lines[-1] == "master-0 | 1.0"
    assert len(ready_images(docker_client, localdlc)) == 1


def test_another_user_than_the_images_own_installs_them_itself(
    localdlc: CommandLine, index: Index
) -> None:
    command = "id -u; python3 -c 'import gamma; print(gamma.__file__)'"
    request = wanting(command, "gamma", Envs={"HOME": "/tmp"})
    request["JobSpecs"][0]["ExtraPodSpec"] = {"MainContainerSecurityContext": {"RunAsUser": 1234}}
    done = localdlc.run(request, **pip(index))
    assert done.lines[-2] == "master-0 | 1234"
    assert done.lines[-1].startswith("master-0 | /tmp/.local/lib/")


def test_where_the_image_keeps_volumes_replicas_install_themselves(
    localdlc: CommandLine, index: Index, docker_client: docker.APIClient, tmp_path: Path
) -> None:
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nVOLUME /usr/local/lib\n")
    image = f"localdlc-test/volumes:{home_digest(localdlc.home)}"
    list(docker_client.build(path=str(folder), tag=image, rm=True, decode=True))
    try:
        request = job(version("gamma"), image=image, ThirdpartyLibs=["gamma"])
        done = localdlc.run(request, **pip(index))
    finally:
        docker_client.remove_image(image)
    assert done.lines[-1] == "master-0 | 1.0"
    assert f"each replica installs its libraries itself: {image} has volumes" in done.err


def test_the_image_of_a_package_that_is_built_goes_with_the_job(
    localdlc: CommandLine, docker_client: docker.APIClient, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / file_name("gamma")).write_bytes(PACKAGES[file_name("gamma")])
    source = {"Uri": f"{tmp_path.as_uri()}/lib", "MountPath": "/mnt/lib", "MountAccess": "RO"}
    library = f"/mnt/lib/{file_name('gamma')}"
    request = wanting(version("gamma"), library, DataSources=[source])
    done = localdlc.run(request, "--keep", "always")
    assert done.lines[-1] == "master-0 | 1.0"
    (name,) = ready_images(docker_client, localdlc)
    assert f"removed image {name}" in localdlc("gc", "--kept").text
    assert localdlc.run(request).lines[-1] == "master-0 | 1.0"
    assert ready_images(docker_client, localdlc) == []


# a requirements.txt


def test_a_folders_requirements_come_after_the_libraries_and_win(
    localdlc: CommandLine, index: Index, tmp_path: Path
) -> None:
    more = folder_with(tmp_path, requirements="-r more.txt\nbeta==1.5  # older\n", more="gamma\n")
    command = f"{version('beta')}; {version('gamma')}"
    request = wanting(command, "alpha", **more)
    settings = pip(index)
    assert {"1.5", "1.0"} <= said(localdlc.run(request, **settings))
    index.asked.clear()
    assert {"1.5", "1.0"} <= said(localdlc.run(request, **settings))
    assert index.asked == []

    (tmp_path / "lib" / "more.txt").write_text("gamma<3\n")
    assert {"1.5", "1.0"} <= said(localdlc.run(request, **settings))
    assert index.asked


def test_a_missing_requirements_file_only_warns(localdlc: CommandLine, tmp_path: Path) -> None:
    done = localdlc.run(job("echo trained", **folder_with(tmp_path)))
    assert done.code == 0
    assert said(done) == {"WARN: requirements.txt not found", "trained"}


def test_a_folder_that_is_only_in_the_image_is_read_there(
    localdlc: CommandLine, index: Index
) -> None:
    done = localdlc.run(job("echo trained", ThirdpartyLibDir="/usr/share"), **pip(index))
    assert said(done) == {"WARN: requirements.txt not found", "trained"}


# how pip is set up here


def test_an_index_of_files_and_a_folder_of_wheels_are_used(
    localdlc: CommandLine, tmp_path: Path
) -> None:
    root = write_index(tmp_path / "pypi", {k: v for k, v in PACKAGES.items() if "gamma" not in k})
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / file_name("gamma")).write_bytes(PACKAGES[file_name("gamma")])
    conf = tmp_path / "pip.conf"
    conf.write_text(f"[global]\nindex-url = {root.as_uri()}\nfind-links =\n    {folder}\n")
    request = wanting(f"{version('gamma')}; {version('beta')}", "alpha", "gamma")
    done = localdlc.run(request, PIP_CONFIG_FILE=str(conf), PIP_FIND_LINKS="")
    assert {"1.0", "2.0"} <= said(done)


def test_the_login_of_an_index_is_nowhere_to_be_found(
    localdlc: CommandLine, index: Index, tmp_path: Path
) -> None:
    settings = pip(index, PIP_EXTRA_INDEX_URL=index.url)
    runs = [
        localdlc.run(wanting("pip config list; env; true", "gamma"), "-o", "json", **settings),
        localdlc.run(wanting("true", "torn"), **settings),
        localdlc.run(wanting("true", "nowhere"), "--debug", **settings),
    ]
    assert [done.code for done in runs] == [0, 4, 4]
    secret = LOGIN[1].encode()
    assert not [done for done in runs if secret in done.out or LOGIN[1] in done.err]
    files = [path for path in localdlc.home.rglob("*") if path.is_file()]
    assert not [path for path in files if secret in path.read_bytes()]


def test_a_login_may_be_in_a_netrc(localdlc: CommandLine, index: Index, tmp_path: Path) -> None:
    name, password = LOGIN
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {name} password {password}\n")
    settings = pip(index, NETRC=str(tmp_path / "netrc"))
    settings["PIP_INDEX_URL"] = f"https://127.0.0.1:{index.port}/simple"
    done = localdlc.run(wanting(f"env; {version('gamma')}", "gamma"), **settings)
    assert done.lines[-1] == "master-0 | 1.0"
    assert password not in done.text
    files = [path for path in localdlc.home.rglob("*") if path.is_file()]
    assert not [path for path in files if password.encode() in path.read_bytes()]


# failures


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("nowhere==1", "No matching distribution found for nowhere==1"),
        ("beta==1.5,==2.0", "No matching distribution found for beta==1.5,==2.0"),
        ("torn", "torn"),
    ],
)
def test_what_cannot_be_resolved_starts_nothing(
    localdlc: CommandLine, index: Index, library: str, words: str
) -> None:
    settings = pip(index)
    done = localdlc.run(wanting("true", "gamma", library), "-o", "json", **settings)
    assert done.code == 4
    assert done.of("ReplicaStarted") == []
    (error,) = done.of("error")
    assert words in error["message"]
    assert library in error["message"]


def test_offline_needs_the_cache_and_nothing_else(localdlc: CommandLine, index: Index) -> None:
    request = wanting(version("gamma"), "gamma")
    settings = pip(index)
    missing = localdlc.run(request, "--offline", **settings)
    assert missing.code == 4
    assert "offline: gamma" in missing.err
    assert index.asked == []

    localdlc.run(request, **settings)
    index.asked.clear()
    done = localdlc.run(request, "--offline", **settings)
    assert done.lines[-1] == "master-0 | 1.0"
    assert index.asked == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_after_an_end_in_the_middle_the_next_job_is_none_the_worse(
    localdlc: CommandLine, index: Index, number: signal.Signals
) -> None:
    request = wanting(version("gamma"), "gamma")
    settings = pip(index)
    index.open.clear()
    going = localdlc.start_job(request, **settings)
    assert index.held.wait(60)
    going.signal(number).finish()
    index.open.set()
    assert localdlc.run(request, **settings).lines[-1] == "master-0 | 1.0"
    assert not list(localdlc.home.glob("cache/wheels/*/incoming"))
    assert not list(localdlc.home.glob("jobs/*/wheels"))
    assert json.loads(localdlc("list", "-o", "json").out)[0]["status"] == "Succeeded"
