//! Connections with deadlines, plain and over TLS.
