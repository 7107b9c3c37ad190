"""The documents say what the code says."""

from __future__ import annotations

import yaml

from tests.configuration import REPOSITORY


def test_the_configuration_table_is_the_one_of_pulumi_yaml() -> None:
    keys = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())["config"]
    table = (REPOSITORY / "docs" / "configuration.md").read_text()
    for key, entry in keys.items():
        assert f"| `{key}` | {entry['type']} | `{entry['default']}` | {entry['description']} |" in table, key
