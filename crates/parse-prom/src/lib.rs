//! Prometheus remote write, remote read and text exposition.
