//! stub
use crate::base::clock::{Moment, Monotonic};
use std::time::Duration;
#[derive(Clone, Debug)]
pub struct LeaseSettings { pub name: String, pub namespace: String, pub identity: String, pub duration: Duration }
pub struct Elector;
pub enum Step { Wait(Monotonic), Read, Create(String), Update(String) }
pub enum Outcome<'a> { Lease(&'a [u8]), NotFound, Conflict, Forbidden, Failed }
#[derive(Default)]
pub struct LeaseNumbers { pub acquired_total: u64, pub lost_total: u64, pub failures_total: u64 }
impl Elector {
    pub fn new(_s: LeaseSettings, _seed: u64) -> Self { Elector }
    pub fn next(&mut self, now: Moment) -> Step { Step::Wait(now.monotonic) }
    pub fn answered(&mut self, _s: Monotonic, _n: Monotonic, _o: Outcome<'_>) {}
    pub fn is_owner(&self, _n: Monotonic) -> bool { false }
    pub fn release(&mut self, _n: Moment) -> Option<Step> { None }
    pub fn numbers(&self) -> LeaseNumbers { LeaseNumbers::default() }
    pub fn item_path(&self) -> &str { "" }
    pub fn collection_path(&self) -> &str { "" }
}
