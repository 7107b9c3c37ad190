"""A stand-in for the plugin of pulumi-command 1.2.1: command:remote:Command and command:local:Command."""
