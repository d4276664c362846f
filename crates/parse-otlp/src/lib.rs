//! OpenTelemetry traces over OTLP, protobuf and JSON.
