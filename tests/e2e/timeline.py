"""When each resource's step began and ended, from the engine's event log."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.cluster import events


@dataclass(frozen=True)
class Timeline:
    """Spans in seconds of the clock, by resource name."""

    spans: dict[str, tuple[float, float]]
    created: frozenset[str]
    """Names of the resources that the run made."""

    @classmethod
    def of_the_last_run(cls) -> Timeline:
        """From the event log that `make up` wrote."""
        began: dict[str, float] = {}
        spans: dict[str, tuple[float, float]] = {}
        created = set()
        for event in events():
            if "resourcePreEvent" in event:
                began[event["resourcePreEvent"]["metadata"]["urn"]] = event["timestamp"]
            if "resOutputsEvent" in event:
                metadata = event["resOutputsEvent"]["metadata"]
                urn, name = metadata["urn"], metadata["urn"].rsplit("::", 1)[1]
                if urn in began:
                    spans[name] = (began[urn], event["timestamp"])
                if metadata["op"] == "create":
                    created.add(name)
        return cls(spans, frozenset(created))

    def span(self, name: str) -> tuple[float, float]:
        """Begin and end of a resource's step."""
        return self.spans[name]
