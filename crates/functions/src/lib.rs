//! Functions that time-series dialects add to DataFusion.
