"""What later runs change of the web server, and that they touch no machine."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.cluster import Cluster, changed, make_up, preview, run
from tests.e2e.serving import serving, settle

REGISTRY = "http://10.254.254.1:5000/v2/library/nginx/manifests/1.26.3"


def test_a_second_up_has_nothing_to_do() -> None:
    assert make_up() == {}


def test_more_replicas_and_another_port_change_only_the_deployment_and_the_service() -> None:
    both = {"web-deployment": "update", "web-service": "update"}
    with changed(webServerReplicas=3, nodePort=30081):
        assert preview() == {"update": set(both)}
        assert make_up() == both
    assert make_up() == both, "the way back is the same"


def test_another_image_changes_only_the_deployment_and_no_request_fails(cluster: Cluster, tmp_path: Path) -> None:
    """The same image by its digest, because the lab has but one."""
    accepted = "Accept: application/vnd.oci.image.manifest.v1+json"
    head = run("lab/enter", "curl", "--silent", "--fail", "--head", "--header", accepted, REGISTRY)
    digest = next(line.split()[1] for line in head.splitlines() if line.lower().startswith("docker-content-digest:"))
    with changed(webServerImage=f"docker.io/library/nginx@{digest}"):
        assert preview() == {"update": {"web-deployment"}}
        with serving(cluster, cluster.outputs["web_urls"], tmp_path / "answers") as answers:
            assert make_up() == {"web-deployment": "update"}
            settle(cluster)  # the pods that were there before leave after the run
        assert [pod["spec"]["containers"][0]["image"].endswith(digest) for pod in cluster.web_pods()] == [True, True]
        assert answers.failures() == []
    assert make_up() == {"web-deployment": "update"}
