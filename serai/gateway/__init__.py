"""The one gate of the system: Envoy carries the traffic, a small agent tells it where everything is.

`routes` reads what may be called from the services' OpenAPI documents, `envoy` turns that and a snapshot of the
registry into Envoy's resources, `files` hands them to the Envoy beside us and `xds` to any other, `process` keeps ours
alive, `refusals` tells what it would not take, `kept` is what a restart begins with, `agent` is the loop around them.
"""
