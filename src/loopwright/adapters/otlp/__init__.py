"""OpenTelemetry: decoding spans and logs."""
