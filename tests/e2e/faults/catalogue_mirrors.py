"""What the machines take software from: down, or answering wrongly."""

from __future__ import annotations

from functools import partial

from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import configure, for_seconds, until_the_run_ends
from tests.e2e.faults.moments import says
from tests.e2e.faults.outages import MIRROR, REGISTRY, refused, wrong

READS_LISTS = says("k8s-worker-1-prepare", "wait for cloud-init")
"""A second before it does."""
INSTALLS = says("k8s-worker-1-prepare", "install docker")
PULLS = says("k8s-worker-1-prepare", "pull ")
OUTAGE_SECONDS = 60

MIRRORS = [
    Fault(
        name="mirror-down",
        what=f"The apt mirror refuses connections for {OUTAGE_SECONDS} s",
        start="booted",
        when=READS_LISTS,
        inject=for_seconds(OUTAGE_SECONDS, partial(refused, MIRROR)),
    ),
    Fault(
        name="mirror-garbage",
        what=f"The apt mirror answers 200 with garbage for {OUTAGE_SECONDS} s",
        start="booted",
        when=READS_LISTS,
        inject=for_seconds(OUTAGE_SECONDS, partial(wrong, MIRROR, "everything")),
    ),
    Fault(
        name="mirror-down-installing",
        what="The apt mirror refuses connections until the run has ended",
        start="booted",
        when=INSTALLS,
        inject=until_the_run_ends(partial(refused, MIRROR)),
        message="apt-get install failed",
    ),
    Fault(
        name="package-checksum",
        what="The apt mirror has packages with wrong checksums until the run has ended",
        start="booted",
        when=READS_LISTS,
        inject=until_the_run_ends(partial(wrong, MIRROR, "packages")),
        message="Hash Sum mismatch|unexpected size|apt-get install failed",
    ),
    Fault(
        name="registry-down",
        what=f"The image registry refuses connections for {OUTAGE_SECONDS} s",
        start="booted",
        when=PULLS,
        inject=for_seconds(OUTAGE_SECONDS, partial(refused, REGISTRY)),
    ),
    Fault(
        name="registry-garbage",
        what=f"The image registry answers 200 with garbage for {OUTAGE_SECONDS} s",
        start="booted",
        when=PULLS,
        inject=for_seconds(OUTAGE_SECONDS, partial(wrong, REGISTRY, "everything")),
    ),
    Fault(
        name="image-checksum",
        what="The operating system image has another checksum than the configuration says",
        inject=configure(imageSha512="0" * 128),
        message="imageSha512 = .* is refused",
        user="corrects the checksum",
    ),
]
