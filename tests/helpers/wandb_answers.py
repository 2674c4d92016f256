"""What a W&B server answers to each operation of its clients, and what it keeps of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import yaml

ENTITY, PROJECT = "team", "graphrec"


@dataclass
class ServedRun:
    """What arrived of a run.

    Args:
        id: Its id.
        facts: What it was created with: ``groupName``, ``jobType``, ``displayName``, ``tags``, ``sweep``.
        config: Its configuration, without the envelope of each value.
        rows: Rows of its history.
        stats: Rows of its system metrics.
        summary: The numbers at the end.
        files: Content by name.
        artifacts: Ids of the artifacts it logged.
        exit_code: None until it is finished.
    """

    id: str
    facts: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    stats: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    exit_code: int | None = None

    def table(self, name: str) -> pd.DataFrame:
        """Read a table that was logged under a name."""
        content = json.loads(self.files[self.summary[name]["path"]])
        return pd.DataFrame(content["data"], columns=content["columns"])


@dataclass
class ServedArtifact:
    """What arrived of an artifact: its type, name, aliases and the files by name."""

    id: str
    facts: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    is_committed: bool = False

    @property
    def name(self) -> str:
        """Name of its sequence of versions."""
        return str(self.facts["artifactCollectionName"])


class Received:
    """What a server was told, and what it hands out.

    Args:
        url: Its address.
    """

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.runs: dict[str, ServedRun] = {}
        self.artifacts: dict[str, ServedArtifact] = {}
        self.sweeps: dict[str, dict[str, Any]] = {}
        self.trials: Iterator[dict[str, Any]] = iter(())
        self.views: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)

    def run(self, name: str) -> ServedRun:
        """Find a run, or begin to keep it."""
        return self.runs.setdefault(name, ServedRun(name))

    def id_for(self, kind: str) -> str:
        """Make an id that nothing else has."""
        return f"{kind}-{next(self._numbers)}"

    def of_job(self, job: str) -> ServedRun:
        """Find the one run of a job type."""
        (found,) = [one for one in self.runs.values() if one.facts.get("jobType") == job]
        return found


def _project() -> dict[str, Any]:
    return {"id": "project-1", "internalId": "1", "name": PROJECT, "entityName": ENTITY,
            "entity": {"id": "entity-1", "name": ENTITY}}  # fmt: skip


def _viewer(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    user = {"id": "user-1", "entity": ENTITY, "username": "tester", "name": "Tester", "email": None}
    more = {"flags": "{}", "admin": False, "deletedAt": None, "apiKeys": {"edges": []}}
    return {"viewer": {**user, **more, "teams": {"edges": []}}}


def _upsert_run(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    name = given["name"]
    inserted = name not in known.runs
    run = known.run(name)
    run.facts |= {key: value for key, value in given.items() if value is not None}
    wrapped = json.loads(given.get("config") or "{}")
    run.config |= {key: one["value"] for key, one in wrapped.items() if "value" in one}
    shown = run.facts.get("displayName")
    bucket = {"id": f"id-{name}", "name": name, "displayName": shown, "description": None,
              "config": given.get("config"), "sweepName": run.facts.get("sweep"), "historyLineCount": 0,
              "project": _project()}  # fmt: skip
    return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}


def _resume_status(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    return {"model": {**_project(), "bucket": None}}


def _create_files(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    places = [
        {"name": name, "uploadUrl": f"{known.url}/upload/run/{given['run']}/{name}"}
        for name in given["files"]
    ]
    return {"createRunFiles": {"runID": f"id-{given['run']}", "uploadHeaders": [], "files": places}}


def _create_artifact(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    facts = given["input"]
    made = ServedArtifact(known.id_for("artifact"), facts)
    known.artifacts[made.id] = made
    if run := facts.get("runName"):
        known.run(run).artifacts.append(made.id)
    said = {"id": made.id, "state": "PENDING", "artifactSequence": {"id": "s", "latestArtifact": None}}
    return {"createArtifact": {"artifact": said}}


def _create_manifest(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    url = f"{known.url}/upload/manifest/{given['artifactID']}/{given['name']}"
    file = {"id": "file-1", "uploadUrl": url, "uploadHeaders": []}
    return {"createArtifactManifest": {"artifactManifest": {"id": known.id_for("manifest"), "file": file}}}


def _create_artifact_files(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    nodes = [
        {"id": known.id_for("file"), "name": one["name"], "displayName": one["name"], "uploadHeaders": [],
         "uploadUrl": f"{known.url}/upload/artifact/{one['artifactID']}/{one['name']}",
         "storagePath": one["name"], "uploadMultipartUrls": None, "artifact": {"id": one["artifactID"]}}
        for one in given["input"]["artifactFiles"]
    ]  # fmt: skip
    return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}


def _commit_artifact(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    made = known.artifacts[given["artifactID"]]
    made.is_committed = True
    return {"commitArtifact": {"artifact": {"id": made.id, "digest": made.facts["digest"]}}}


def _upsert_sweep(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    """Keep a sweep, and hand out the whole grid of its settings from now on."""
    name = known.id_for("sweep")
    settings = known.sweeps[name] = yaml.safe_load(given["config"])
    names = list(settings["parameters"])
    grid = itertools.product(*(one["values"] for one in settings["parameters"].values()))
    known.trials = (dict(zip(names, values, strict=True)) for values in grid)
    return {"upsertSweep": {"sweep": {"name": name, "project": _project()}, "configValidationWarnings": []}}


def _sweep(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    settings = known.sweeps[given["sweep"]]
    said = {"id": given["sweep"], "name": given["sweep"], "method": settings["method"], "state": "RUNNING",
            "config": yaml.safe_dump(settings), "runs": {"edges": []}}  # fmt: skip
    return {"project": {**_project(), "sweep": said}}


def _create_agent(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    return {"createAgent": {"agent": {"id": "agent-1"}}}


def _heartbeat(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    """Give an agent that has nothing to do its next two trials, and end it after the last."""
    commands: list[dict[str, Any]] = []
    if not any(json.loads(given["runState"]).values()):
        (settings,) = known.sweeps.values()
        commands = [
            {"type": "run", "run_id": known.id_for("trial"), "program": settings["program"],
             "args": {key: {"value": value} for key, value in trial.items()}}
            for trial in itertools.islice(known.trials, 2)
        ] or [{"type": "exit"}]  # fmt: skip
    return {"agentHeartbeat": {"agent": {"id": given["id"]}, "commands": json.dumps(commands)}}


def _projects(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    node = {**_project(), "createdAt": "2026-01-01T00:00:00", "isBenchmark": False, "user": None}
    page = {"endCursor": None, "hasNextPage": False}
    return {"models": {"edges": [{"cursor": "", "node": node}], "pageInfo": page}}


def _project_id(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    return {"project": _project()}


def _upsert_view(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    known.views.append({**given, "spec": json.loads(given["spec"])})
    said = {key: given[key] for key in ("type", "name", "displayName", "description", "spec")}
    view = {**said, "id": "view-1", "project": _project(), "updatedAt": "2026-01-01T00:00:00"}
    return {"upsertView": {"view": view, "inserted": True}}


def _features(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    return {"serverInfo": {"features": []}}


def _organization(known: Received, given: dict[str, Any]) -> dict[str, Any]:
    return {"entity": {"organization": None}}


ANSWERS: dict[str, Callable[[Received, dict[str, Any]], dict[str, Any]]] = {
    "Viewer": _viewer, "GetViewer": _viewer, "GetDefaultEntity": _viewer,
    "UpsertBucket": _upsert_run, "RunResumeStatus": _resume_status, "CreateRunFiles": _create_files,
    "CreateArtifact": _create_artifact, "CreateArtifactManifest": _create_manifest,
    "CreateArtifactFiles": _create_artifact_files, "CommitArtifact": _commit_artifact,
    "UpsertSweep": _upsert_sweep, "SweepWithRuns": _sweep, "CreateAgent": _create_agent,
    "Heartbeat": _heartbeat, "GetProjects": _projects, "ProjectInternalId": _project_id,
    "upsertView": _upsert_view,
    "ServerFeaturesQuery": _features,
    "OrganizationCoreWeaveOrganizationID": _organization,
}  # fmt: skip
"""What is answered, by the name of the operation."""
