//! kube-state-metrics: one file per kind of object.
