from __future__ import annotations

from lab.images import IMAGES_TO_MAKE, kubeadm_tags

LISTED = """\
registry.k8s.io/kube-apiserver:v1.37.2
registry.k8s.io/kube-controller-manager:v1.37.2
registry.k8s.io/kube-scheduler:v1.37.2
registry.k8s.io/kube-proxy:v1.37.2
registry.k8s.io/coredns/coredns:v1.14.6
registry.k8s.io/pause:3.10.2
registry.k8s.io/etcd:3.7.0-0
"""


def test_every_image_has_a_tag_of_its_own_or_one_from_kubeadm() -> None:
    tags = kubeadm_tags(LISTED)
    assert {image.name for image in IMAGES_TO_MAKE if image.tag is None} == tags.keys()


def test_no_two_images_are_written_to_the_same_file() -> None:
    archives = [image.archive for image in IMAGES_TO_MAKE]
    assert len(set(archives)) == len(archives)
