//! stub
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantity {
    mantissa: i64,
    scale: u8,
}
impl Quantity {
    pub const fn from_parts(mantissa: i64, scale: u8) -> Self {
        Quantity { mantissa, scale }
    }
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }
    pub const fn scale(self) -> u8 {
        self.scale
    }
    pub fn parse(_text: &[u8]) -> Option<Self> {
        None
    }
    pub fn value(self) -> i64 {
        0
    }
    pub fn milli_rule(self) -> f64 {
        0.0
    }
    pub fn approximate(self) -> f64 {
        0.0
    }
}
