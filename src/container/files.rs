//! The files of control groups that are read.

use crate::io::groups::GroupFile;

/// Every file, by the place by which it is read.
pub const FILES: &[GroupFile] = &[];
