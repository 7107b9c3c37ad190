"""What Pulumi calls the project; by itself, for who needs no more than that and starts often."""

from __future__ import annotations

PROJECT = "kubeadm-libvirt"
