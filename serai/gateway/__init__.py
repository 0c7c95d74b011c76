"""The gateway, the only entry to the system: Envoy carries the traffic, and an agent configures it.

`routes` reads from the services' OpenAPI documents what may be called. `envoy_resources` builds Envoy's resources from
the routes and the `system_state`. `resource_files` gives them to the local Envoy, `xds_server` to remote ones.
`envoy_process` runs the local Envoy, `config_rejections` reports what Envoy rejects, `last_known_good` keeps what a
restarted gateway needs, and `agent` is the loop that connects them.
"""
