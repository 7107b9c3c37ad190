"""Says in words what a preview means for a cluster that exists."""

from __future__ import annotations

import pulumi

from components.machine import Machine


def say_what_is_made_anew(control_plane: Machine) -> pulumi.Output[None]:
    """In a preview, says in words what a new control plane means for a cluster that exists."""

    async def tell() -> None:
        exists = await control_plane.host_public_key.is_known()  # made once: unknown only before the first `up`
        if not (pulumi.runtime.is_dry_run() and exists):
            return
        if not await control_plane.made.id.is_known():
            pulumi.log.warn("The control plane gets a new disk: the cluster is rebuilt, and everything in it is lost.")
        elif not await control_plane.domain.id.is_known():
            pulumi.log.warn(
                "The control plane's machine is made anew around its disk: the cluster keeps what is in it and is not "
                "rebuilt; its API does not answer for some minutes."
            )

    return pulumi.Output.from_input(tell())
