//! stub
pub const ZERO: i64 = -62_135_596_800;
pub fn unix_seconds(_text: &[u8]) -> Option<i64> {
    None
}
