"""A machine's cloud-init seed: what it reads at its first boot, on a small CD of its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pulumi
import pulumi_libvirt as libvirt
from pycdlib import PyCdlib

from components import handover

FILES = {"user-data": "/USERDATA.;1", "meta-data": "/METADATA.;1", "network-config": "/NETWORKC.;1"}
"""The names that cloud-init's NoCloud data source looks for, and their short names on the CD."""

PRIVATE = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="node()|@*"><xsl:copy><xsl:apply-templates select="node()|@*"/></xsl:copy></xsl:template>
  <xsl:template match="permissions/mode"><mode>0600</mode></xsl:template>
  <xsl:template match="target/format/@type"><xsl:attribute name="type">FORMAT</xsl:attribute></xsl:template>
</xsl:stylesheet>
"""
"""The provider makes files that everybody on the host may read; these hold keys."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """The three files of a seed. `user_data` holds the machine's private host key."""

    user_data: str
    meta_data: str
    network_config: str

    @property
    def short_hash(self) -> str:
        """Tells seeds apart; says nothing about the 256 bits of key that it is made from."""
        parts = (self.user_data, self.meta_data, self.network_config)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    def write(self, path: Path) -> None:
        """Makes the CD: ISO 9660 with the label by which cloud-init finds it; readable by its owner only."""
        cd = PyCdlib()
        cd.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
        for (name, short), text in zip(
            FILES.items(), (self.user_data, self.meta_data, self.network_config), strict=True
        ):
            content = text.encode()
            cd.add_fp(BytesIO(content), len(content), short, rr_name=name, joliet_path=f"/{name}")
        path.touch(mode=0o600, exist_ok=False)
        with path.open("wb") as file:
            cd.write_fp(file)
        cd.close()


def private(file_format: str) -> libvirt.VolumeXmlArgs:
    """Makes a volume one that only its owner can read, and of this format (raw or qcow2)."""
    return libvirt.VolumeXmlArgs(xslt=PRIVATE.replace("FORMAT", file_format))


def seed_volume(
    name: str,
    *,
    prefix: str,
    pool: pulumi.Input[str],
    seed: pulumi.Output[Seed],
    hooks: pulumi.ResourceHookBinding,
    parent: pulumi.Resource,
) -> libvirt.Volume:
    """The volume with a machine's seed. Its name carries the content: another seed is another volume.

    Not a libvirt.CloudInitDisk, which the provider reads back at every refresh, and hangs for ever where libvirtd
    sends the content before the answer (digitalocean/go-libvirt#241).
    """
    file_name = pulumi.Output.unsecret(seed.apply(lambda files: f"{prefix}-seed-{files.short_hash}.iso"))

    async def write(path: Path) -> None:
        files = await seed.future()  # known: a volume is made only after its name, which is made from it
        if files is not None:
            files.write(path)

    return libvirt.Volume(
        name,
        name=file_name,
        pool=pool,
        source=handover.place(f"{prefix}-seed.iso"),
        xml=private("raw"),  # not as `format`: libvirt finds out that it is an ISO, which would count as a change
        opts=pulumi.ResourceOptions(
            parent=parent,
            ignore_changes=["source"],
            hooks=pulumi.ResourceHookBinding.merge(hooks, handover.hand_over(name, write)),
        ),
    )
