//! What every role does at start and stop: configuration, tracing, metrics, health, signals.
