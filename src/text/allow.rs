//! stub
pub fn matches(_patterns: &[String], _key: &[u8]) -> bool {
    false
}
pub struct AllowLists;
impl AllowLists {
    pub fn parse(_t: &str) -> Result<Self, String> { Ok(AllowLists) }
    pub fn resources(&self) -> impl Iterator<Item = &str> { std::iter::empty() }
    pub fn of(&self, _r: &str) -> &[String] { &[] }
}
