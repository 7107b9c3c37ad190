"""Commands in every relation the cluster's own program uses; STAGE and the rest of the environment vary it."""

import json
import os

import pulumi
from pulumi_command import local, remote

SERVER = json.loads(os.environ["SERVER"])
JOURNAL = os.environ["JOURNAL"]
STAGE = os.environ["STAGE"]
FAULT = os.environ["FAULT"]

connection = remote.ConnectionArgs(
    host=SERVER["host"],
    port=SERVER["port"],
    user=SERVER["user"],
    private_key=pulumi.Output.secret(SERVER["privateKey"]),
    host_key=SERVER["hostKey"],
    dial_error_limit=-1,
)


def note(words: str) -> str:
    return f"echo {words} >>{JOURNAL}"


machine = local.Command("machine", create="echo machine", delete=note("delete machine"), triggers=["stays"])
secret = remote.Command(
    "secret",
    connection=connection,
    create="wc -c; echo progress >&2",
    stdin=pulumi.Output.secret(os.environ["TOKEN"]),
    logging=remote.Logging.STDERR,
    add_previous_output_in_env=False,
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"], depends_on=[machine]),
)
dependent = local.Command("dependent", create=secret.stdout.apply(lambda text: f"echo after {text.strip()}"))
remote.Command(
    "updated",
    connection=connection,
    create="echo created",
    update=f"echo {STAGE}",
    delete=note("delete updated"),
    add_previous_output_in_env=False,
)
remote.Command(
    "replaced", connection=connection, create=note("create replaced"), delete=note("delete replaced"), triggers=[STAGE]
)
local.Command(
    "replaced-first",
    create=note("create replaced-first"),
    delete=note("delete replaced-first"),
    triggers=[STAGE],
    opts=pulumi.ResourceOptions(delete_before_replace=True),
)
local.Command("ignored", create=f"echo {STAGE}", opts=pulumi.ResourceOptions(ignore_changes=["create"]))
remote.Command(
    "goes-with-machine",
    connection=connection,
    create="true",
    delete=note("delete goes-with-machine"),
    opts=pulumi.ResourceOptions(deleted_with=machine),
)
if FAULT == "fails":
    remote.Command("fails", connection=connection, create="seq 200000; echo the reason >&2; exit 7")
if FAULT == "hangs":
    remote.Command("hangs", connection=connection, create=f"{note('hangs')}; sleep 120")
    local.Command("hangs-here", create=f"{note('hangs-here')}; sleep 120")

pulumi.export("after", dependent.stdout)
pulumi.export("secret", secret.stdout)
