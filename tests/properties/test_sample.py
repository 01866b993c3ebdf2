"""Samples and globs over any tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.config import Sample
from localdlc.plan.model import Fetch
from localdlc.stage.cache import key_of
from localdlc.stage.listing import arranged, placeable
from localdlc.stage.sample import Choice, Globs
from localdlc.stage.sources import Entry

ALL = Globs.of((), ())

names = st.sampled_from(["a", "b", "c", "d.csv", "e.txt"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
trees = st.dictionaries(paths, st.integers(0, 1000), max_size=40)


class Tree:
    """A source in memory; counts the answers to ``folder`` and how much of them was read."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.entries = [Entry(path, size, "v") for path, size in sorted(sizes.items())]
        self.read = 0

    def whole(self) -> Iterator[Entry]:
        yield from self.entries

    def folder(self, path: str) -> Iterator[Entry]:
        below = [e for e in self.entries if e.path.startswith(path)]
        files = [e for e in below if "/" not in e.path[len(path) :]]
        names = {e.path[len(path) :].partition("/")[0] for e in below if "/" in e.path[len(path) :]}
        for entry in sorted([*(Entry(f"{path}{name}/") for name in names), *files]):
            self.read += 1
            yield entry


def sample(sizes: dict[str, int], wanted: Sample | None, globs: Globs = ALL) -> list[Entry]:
    tree = Tree(sizes)
    return list(Choice(wanted, tree.whole, tree.folder, globs))


@given(trees, st.integers(1, 50))
@tried(100)
def test_a_number_of_files_is_that_number_or_all(sizes: dict[str, int], count: int) -> None:
    found = sample(sizes, Sample(files=count))
    assert len(set(found)) == len(found) == min(count, len(sizes))
    assert found == sample(sizes, Sample(files=count))


@given(trees, st.integers(1, 20))
@tried(100)
def test_a_larger_sample_holds_the_smaller(sizes: dict[str, int], count: int) -> None:
    assert sample(sizes, Sample(files=count + 1))[:count] == sample(sizes, Sample(files=count))


@given(trees, st.integers(1, 5000))
@tried(100)
def test_bytes_are_never_exceeded_and_nothing_that_fits_is_left(
    sizes: dict[str, int], room: int
) -> None:
    found = sample(sizes, Sample(bytes=room))
    left = room - sum(sizes[entry.path] for entry in found)
    assert left >= 0
    others = sizes.keys() - {entry.path for entry in found}
    assert not left or all(sizes[path] > left for path in others)


@given(st.integers(1, 3000), st.integers(1, 100))
@tried(100)
def test_a_share_is_that_share_of_the_files_all_along_the_listing(count: int, percent: int) -> None:
    sizes = {f"{n:05}": 1 for n in range(count)}
    found = sample(sizes, Sample(share=percent / 100))
    assert len(found) == max(1, count * percent // 100)
    assert found == sample(sizes, Sample(share=percent / 100))
    positions = [int(entry.path) for entry in found]
    steps = [after - before for before, after in pairwise(positions)]
    assert positions == sorted(positions)
    assert all(step <= 2 * 100 / percent + 1 for step in steps)


@tried(25)
@given(st.integers(1, 40), st.integers(1, 200))
def test_a_sample_is_spread_over_the_folders(folders: int, count: int) -> None:
    sizes = {f"{n % folders}/{n:05}": 1 for n in range(folders * 50)}
    found = Counter(e.path.partition("/")[0] for e in sample(sizes, Sample(files=count)))
    assert max(found.values()) - min(found.values()) <= 1
    assert len(found) == min(folders, count)


def test_no_more_is_read_than_the_sample_needs() -> None:
    tree = Tree({f"{n % 3}/{n:06}": 1 for n in range(30_000)})
    assert len(list(Choice(Sample(files=30), tree.whole, tree.folder, ALL))) == 30
    assert tree.read <= 3 + 3 * 1000


@given(trees, st.integers(1, 4))
@tried(100)
def test_a_sample_that_left_nothing_out_is_known(sizes: dict[str, int], spare: int) -> None:
    roomy = [Sample(files=len(sizes) + spare), Sample(bytes=sum(sizes.values()) + spare)]
    for wanted in (*roomy, Sample(share=1.0), Sample(files=1), Sample(bytes=9), Sample(share=0.5)):
        tree = Tree(sizes)
        choice = Choice(wanted, tree.whole, tree.folder, ALL)
        found = {entry.path for entry in choice}
        assert not choice.everything or found == sizes.keys()
        assert choice.everything or wanted not in (*roomy, Sample(share=1.0))


@given(trees)
@tried(100)
def test_without_a_sample_all_is_wanted(sizes: dict[str, int]) -> None:
    assert {entry.path for entry in sample(sizes, None)} == sizes.keys()


@given(trees, st.sampled_from([None, Sample(files=5), Sample(bytes=900), Sample(share=0.5)]))
@tried(100)
def test_globs_hold_for_every_sample(sizes: dict[str, int], wanted: Sample | None) -> None:
    globs = Globs.of(("*.csv", "a/**"), ("b", "c/d.csv"))
    for entry in sample(sizes, wanted, globs):
        steps = entry.path.split("/")
        assert steps[-1] == "d.csv" or steps[0] == "a" or "d.csv" in steps
        assert "b" not in steps
        assert not entry.path.startswith("c/d.csv")


@given(st.lists(st.text(max_size=12).map(lambda t: t.replace("q", "/../")), max_size=12))
@tried(100)
def test_what_is_arranged_can_be_made_and_stays_inside(keys: list[str]) -> None:
    listing = arranged(Entry(key) for key in dict.fromkeys(keys) if key)
    files = [entry.path for entry in listing.files]
    for path in (*files, *listing.folders):
        assert placeable(path)
    taken = {*files}
    assert not taken & {str(parent) for path in files for parent in PurePosixPath(path).parents}
    assert not taken & {*listing.folders}
    told = len(files) + len(listing.folders) + len(listing.left_out)
    assert told <= len({key for key in keys if key})


fetches = st.builds(
    Fetch,
    st.sampled_from(["oss://a/", "oss://b/"]),
    st.sampled_from([None, "FILE"]),
    st.sampled_from([(), ("a",), ("a", "b")]),
    st.sampled_from([(), ("a",), ("b",)]),
    st.sampled_from([None, Sample(files=1), Sample(bytes=1)]),
    st.sampled_from([None, 3]),
)


@given(fetches, fetches)
@tried(100)
def test_a_cache_key_is_what_a_tree_holds_and_not_how_it_came(one: Fetch, other: Fetch) -> None:
    def wanted(f: Fetch) -> tuple[object, ...]:
        return f.uri, f.property, f.include, f.exclude, f.sample

    assert (key_of(one) == key_of(other)) == (wanted(one) == wanted(other))
