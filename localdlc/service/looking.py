"""Jobs of a home as they were recorded: read by any process, also while they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config import Config
from localdlc.errors import NotFound
from localdlc.record.names import short

if TYPE_CHECKING:
    from localdlc.record.log_query import Line, LogQuery
    from localdlc.record.metrics import Series
    from localdlc.record.query import JobQuery
    from localdlc.record.store import JobRow, Store
    from localdlc.record.timeline import Phase
    from localdlc.record.view import JobView
    from localdlc.service.watching import Watch
    from localdlc.why import Why

__all__ = ["Looking"]


class Looking:
    """What can be learnt without an engine."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def _store(self) -> closing[Store]:
        from localdlc.record.store import Store

        return closing(Store(self.config.home))

    def list_jobs(self, query: JobQuery | None = None) -> list[JobRow]:
        """Newest first, unless ``query`` says otherwise."""
        from localdlc.record.query import JobQuery

        with self._store() as store:
            return store.jobs(query or JobQuery())

    def get_job(self, name: str) -> tuple[JobView, dict[str, Any]]:
        """A job's view, its replicas in the order of its plan, and that plan as it was stored.

        ``name`` is an id, a unique prefix, or ``last``.
        """
        from localdlc.record.view import in_order

        with self._store() as store:
            job_id = store.find(name)
            view, plan = store.view(job_id), store.read_plan(job_id)
        return in_order(view, (replica["pod_id"] for replica in plan["replicas"])), plan

    def describe_job(self, name: str) -> dict[str, Any]:
        """A job as DLC's GetJob answers, with all that is known only here in ``Localdlc``.

        ``name`` is as for `get_job`.
        """
        from localdlc.record.get_job import get_job_answer

        view, plan = self.get_job(name)
        with self._store() as store:
            request = store.read_request(view.job_id)
        answer = get_job_answer(view, request, plan, self.config.user_id, datetime.now(UTC))
        if why := self.explain_job(view.job_id):
            answer["Localdlc"]["why"] = why.to_json()
        return answer

    def get_timeline(self, name: str) -> tuple[JobView, list[Phase], Path]:
        """A job's view, where its time went, and the trace of it that was written beside it.

        ``name`` is as for `get_job`. Perfetto (ui.perfetto.dev) opens the trace.
        """
        from localdlc.record.timeline import phases, trace

        view, _ = self.get_job(name)
        now = datetime.now(UTC)
        with self._store() as store:
            records = store.records(view.job_id)
            found = phases(records, view, now)
            file = store.write_trace(view.job_id, trace(records, view, found, now))
        return view, found, file

    def explain_job(self, name: str) -> Why | None:
        """Why a job failed, as far as its events and logs tell; None for one that did not fail.

        ``name`` is as for `get_job`.
        """
        from localdlc.service.explaining import case_of
        from localdlc.why import why

        view, plan = self.get_job(name)
        if view.status not in {"Failed", "FailedReserving"}:
            return None
        with self._store() as store:
            return why(case_of(view, plan, store.log_files(view.job_id)))

    @contextmanager
    def watch_job(self, name: str) -> Iterator[Watch]:
        """What its replicas use, looked at as often as wanted; ``name`` is as for `get_job`."""
        from localdlc.service.watching import Watch

        with self._store() as store:
            yield Watch(store, name)

    def get_usage(self, name: str) -> tuple[str, Iterator[Series]]:
        """The JobId and what each attempt of each replica used; ``name`` is as for `get_job`."""
        from localdlc.service.watching import all_series

        with self._store() as store:
            return all_series(store, name)

    def get_system_envs(self, name: str) -> dict[str, dict[str, str]]:
        """By PodId the variables that were injected, with their values, as GetJob's RoleSystemEnvs.

        ``name`` is as for `get_job`. Secrets were masked when the plan was stored.
        """
        _, plan = self.get_job(name)
        return {
            replica["pod_id"]: {name: replica["env"][name] for name in replica.get("injected", ())}
            for replica in plan["replicas"]
        }

    def get_pod_logs(self, name: str, query: LogQuery | None = None) -> Iterator[Line]:
        """The lines that ``query`` wants, replica by replica, in the order of the plan.

        Raises `NotFound` for a job or replica that this home does not know.
        """
        from localdlc.record.log_file import attempt_of, read_lines
        from localdlc.record.log_query import Line, LogQuery

        query = query or LogQuery()
        with self._store() as store:
            job_id = store.find(name)
            files = store.log_files(job_id)
        for pod_id in chosen_pods(job_id, query.pods, files):
            attempts = {attempt_of(path): path for path in files[pod_id]}
            yield from query.chosen(
                Line(pod_id, attempt, *line)
                for attempt in query.attempts(attempts)
                for line in read_lines(attempts[attempt])
            )


def chosen_pods(job_id: str, pods: Sequence[str], files: Mapping[str, list[Path]]) -> list[str]:
    return list(dict.fromkeys(chosen_pod(job_id, pod, files) for pod in pods)) or list(files)


def chosen_pod(job_id: str, pod: str, files: Mapping[str, list[Path]]) -> str:
    for name in (pod, f"{job_id}-{pod}"):
        if name in files:
            return name
    known = ", ".join(short(name, job_id) for name in files) or "none yet"
    raise NotFound(f"{job_id} has no log of {pod}; there are: {known}.")
