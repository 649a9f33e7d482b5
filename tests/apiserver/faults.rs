//! What goes wrong between the API server and a client, set by a test or drawn from a seed.

use std::time::Duration;

/// What one answer suffers; the default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Refused before anything is looked at.
    pub refuse: Option<Refusal>,
    /// The answer ends early.
    pub cut: Option<Cut>,
    /// So many bytes at a time, with a pause after each.
    pub slow: Option<(usize, Duration)>,
    /// The head comes in pieces of so many bytes.
    pub head_pieces: Option<usize>,
    /// Longest chunk: 1 splits letters of UTF-8 and puts a chunk's head before every byte.
    pub chunk_bytes: Option<usize>,
    /// `Content-Length` instead of chunks, whatever the length.
    pub content_length: bool,
    /// Indented by two spaces, watch events too.
    pub pretty: bool,
    /// Fields in the opposite order: `status` before `spec` before `metadata`, `object` before `type`.
    pub reversed_keys: bool,
    /// From this byte of the body on there is garbage in place of JSON, as long as the answer would have been.
    pub garbage_after: Option<usize>,
    /// A watch ends with an ERROR event of code 410 after so many events.
    pub expire_after: Option<usize>,
    /// What comes of the bookmark that ends the initial events.
    pub initial_events_end: InitialEventsEnd,
    /// Every event comes twice.
    pub duplicates: bool,
    /// After each event the object's version before it comes again, as MODIFIED: what a client sees that went from one
    /// API server to one that lags behind.
    pub older_again: bool,
}

/// A refusal by the server.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// 429 with `Retry-After` in seconds.
    TooManyRequests(u32),
    /// 500, 502, 503, 504.
    Trouble(u16),
    /// 403.
    Forbidden,
    /// 410 Expired: on a watch its version is too old, on a page of a list its `continue` token.
    Expired,
}

/// Where an answer ends, and how.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub place: Place,
    pub end: End,
}

/// A place in an answer as it stands on the wire, chunk heads counted.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// After so many bytes of the head.
    Head(usize),
    /// After so many bytes of what follows the head.
    Body(usize),
}

/// How an answer ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection is closed in good order.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing more comes, and the connection stays.
    Hang,
}

/// The bookmark with `k8s.io/initial-events-end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialEventsEnd {
    #[default]
    Sent,
    /// The stream ends before it, in good order.
    StreamEnds,
    /// It never comes, and changes do.
    Missing,
    /// It never comes, and nothing else does.
    Hangs,
}

impl Faults {
    /// More than another shape of the same answer.
    fn is_trouble(&self) -> bool {
        self.refuse.is_some()
            || self.cut.is_some()
            || self.slow.is_some()
            || self.garbage_after.is_some()
            || self.expire_after.is_some()
            || self.initial_events_end != InitialEventsEnd::Sent
    }
}

impl Cut {
    pub const fn head(bytes: usize, end: End) -> Option<Cut> {
        Some(Cut { place: Place::Head(bytes), end })
    }

    pub const fn body(bytes: usize, end: End) -> Option<Cut> {
        Some(Cut { place: Place::Body(bytes), end })
    }
}

/// Faults for requests whose target (path and query as the client sent them) holds a part, or ends with it if a `$`
/// stands behind.
#[derive(Debug)]
struct Rule {
    part: String,
    skip: usize,
    times: usize,
    faults: Faults,
}

/// Which request suffers what: rules first, then the seed.
#[derive(Debug, Default)]
pub struct Plan {
    rules: Vec<Rule>,
    seed: Option<(u64, u64)>,
    /// Requests that suffered more than a shape.
    pub spoiled: usize,
    /// How often each target was asked, for the seed.
    asked: std::collections::BTreeMap<String, u64>,
}

impl Plan {
    /// Lets `skip` matching requests pass and spoils `times` after them.
    pub fn push(&mut self, part: &str, skip: usize, times: usize, faults: Faults) {
        self.rules.push(Rule { part: part.to_owned(), skip, times, faults });
    }

    /// Spoils `percent` of the requests. What a request suffers depends on the seed, its target without what changes
    /// between runs, and how often that was asked: not on the order in which threads come.
    pub fn seed(&mut self, seed: u64, percent: u64) {
        self.seed = Some((seed, percent));
        self.asked.clear();
    }

    /// What this request suffers.
    pub fn faults(&mut self, target: &str) -> Faults {
        let faults = self.next(target);
        self.spoiled += usize::from(faults.is_trouble());
        faults
    }

    fn next(&mut self, target: &str) -> Faults {
        let is_meant = |part: &str| match part.strip_suffix('$') {
            Some(end) => target.ends_with(end),
            None => target.contains(part),
        };
        for rule in self.rules.iter_mut().filter(|rule| is_meant(&rule.part)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 {
                rule.times -= 1;
                return rule.faults.clone();
            }
        }
        let Some((seed, percent)) = self.seed else { return Faults::default() };
        let watch = target.contains("watch=");
        let name = format!("{}{}", target.split('?').next().unwrap_or(""), if watch { "?watch" } else { "" });
        let nth = self.asked.entry(name.clone()).or_default();
        *nth += 1;
        let start = name
            .bytes()
            .fold(seed ^ (*nth << 32), |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        drawn(Random(start), percent)
    }
}

/// One kind of trouble of each sort, at random places.
fn drawn(mut random: Random, percent: u64) -> Faults {
    // Shapes are no faults: a client bears them all the time.
    let mut faults = Faults {
        pretty: random.below(8) == 0,
        reversed_keys: random.below(8) == 0,
        content_length: random.below(8) == 0,
        chunk_bytes: (random.below(4) == 0).then(|| 1 + random.size(4096)),
        head_pieces: (random.below(8) == 0).then(|| 1 + random.size(40)),
        duplicates: random.below(8) == 0,
        older_again: random.below(8) == 0,
        ..Faults::default()
    };
    if random.below(100) >= percent {
        return faults;
    }
    // A peer that is only half there costs the patience of a client each time.
    let end = [End::Close, End::Reset, End::Close, End::Reset, End::Hang][random.size(5)];
    match random.below(8) {
        0 => faults.refuse = Some(Refusal::TooManyRequests(1)),
        1 => faults.refuse = Some(Refusal::Trouble([500, 502, 503, 504][random.size(4)])),
        2 => faults.refuse = Some(Refusal::Expired),
        3 => faults.cut = Cut::head(random.size(200), end),
        4 => faults.cut = Cut::body(random.size(20_000), end),
        5 => faults.slow = Some((1 + random.size(900), Duration::from_millis(random.below(20)))),
        6 => faults.garbage_after = Some(random.size(20_000)),
        _ => {
            faults.expire_after = Some(random.size(20));
            faults.initial_events_end = InitialEventsEnd::StreamEnds;
        }
    }
    faults
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn size(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap_or(0)
    }
}
