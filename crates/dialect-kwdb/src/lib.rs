//! KWDB's RESTful API on triglot's engine.
