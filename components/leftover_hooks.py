"""Before the engine makes something in libvirt, what lies there under its name is removed, or the step refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pulumi

from components.leftovers import Leftovers
from components.virsh import Virsh, provider_uri


def remove_leftovers(mark: pulumi.Input[str]) -> pulumi.ResourceHookBinding:
    """For the option `hooks` of a libvirt Domain, Network, Pool or Volume with a `name`. Does nothing in a preview.

    The engine says "create" only of what its state does not have: whatever is there under that name is a leftover, or
    somebody else's. `mark` is the description of this stack's domains. A resource must depend on what `mark` is made
    from, or a run with `--parallel 1` waits for ever: the hook waits for it.
    """
    uri = provider_uri() or "qemu:///system"
    known = pulumi.Output.from_input(mark)

    async def before_create(args: pulumi.ResourceHookArgs) -> None:
        removed: list[str] = []
        leftovers = Leftovers(Virsh(uri), {str(await known.future())}, removed.append)
        try:
            # Other hooks, and the engine's other questions to this process, go on meanwhile.
            inputs = {key: await _plain(value) for key, value in (args.new_inputs or {}).items()}
            await asyncio.to_thread(_remove, leftovers, args.type, inputs)
        finally:
            for line in removed:
                pulumi.log.warn(line)

    return pulumi.ResourceHookBinding(before_create=[before_create])


async def _plain(value: Any) -> Any:
    return await value.future() if isinstance(value, pulumi.Output) else value  # a secret comes as an output


def _remove(leftovers: Leftovers, kind: str, inputs: dict[str, Any]) -> None:
    name = inputs["name"]
    match kind:
        case "libvirt:index/domain:Domain":
            leftovers.domain(name)
        case "libvirt:index/network:Network":
            leftovers.network(name, inputs["bridge"])
        case "libvirt:index/pool:Pool":
            leftovers.pool(name, Path(inputs["target"]["path"]))
        case "libvirt:index/volume:Volume":
            leftovers.volume(inputs["pool"], name)
        case _:
            raise TypeError(f"{kind} is nothing that leftovers are known of")
