"""A stand-in for the plugin of pulumi-kubernetes 4.34.2: any kind of object, through the REST interface."""
