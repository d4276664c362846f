//! collectd's binary protocol and StatsD lines.
