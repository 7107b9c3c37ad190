"""The lab: everything that lets the unchanged program run on a machine that reaches only package registries."""
