//! Who is served what: paths, selections, and bodies that are rendered while they are sent.

use super::select::{Refusal, Selection, select};
use super::watched::ObjectsAt;
use super::{Agent, Section, page};
use crate::expo::{Cursor, Filter, Page, render};
use crate::http::{Body, Filled, Request, Response, Service};
use crate::part::{Set, Shown};
use crate::store::Pin;
use std::rc::Rc;

/// The agent as the server sees it.
#[derive(Clone)]
pub struct Front(pub Rc<Agent>);

/// Every answer with metrics says so in these words: Prometheus 3 refuses a body without them.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Paths with metrics: path and sections.
pub const ENDPOINTS: [(&str, &[Section]); 5] = [
    (
        "/metrics",
        &[
            Section::Node,
            Section::Container,
            Section::Objects,
            Section::Telemetry,
            Section::Process,
            Section::Own,
            Section::Kube,
        ],
    ),
    ("/metrics/node", &[Section::Node, Section::Process]),
    ("/metrics/cadvisor", &[Section::Container]),
    ("/metrics/kube-state", &[Section::Objects, Section::Telemetry]),
    ("/metrics/self", &[Section::Process, Section::Own, Section::Kube]),
];

/// The most sections that a path has.
const SECTIONS_MAX: usize = ENDPOINTS[0].1.len();

/// The paths with metrics, in the order of their answers' numbers.
pub const fn endpoint(index: usize) -> &'static str {
    ENDPOINTS[index].0
}

/// Paths by which requests are counted; the last stands for every other.
pub const CLASSES: [&str; 9] = [
    "/metrics",
    "/metrics/node",
    "/metrics/cadvisor",
    "/metrics/kube-state",
    "/metrics/self",
    "/",
    "/-/healthy",
    "/-/ready",
    "other",
];

impl Service for Front {
    type Body = Answer;

    const CLASSES: &'static [&'static str] = &CLASSES;

    fn class(&self, path: &str) -> usize {
        CLASSES.iter().position(|class| *class == path).unwrap_or(CLASSES.len() - 1)
    }

    async fn respond(&self, request: &Request<'_>) -> Response<Answer> {
        let agent = &self.0;
        if let Some(index) = ENDPOINTS.iter().position(|(path, _)| *path == request.path) {
            return match select(agent, request) {
                Ok(selection) => self.scrape(index, selection).await,
                Err(refusal) => text(400, PLAIN, Answer::Refusal(refusal)),
            };
        }
        match request.path {
            "/" => text(200, HTML, Answer::Page(agent.clone(), page::At::default())),
            "/-/healthy" | "/health" => text(200, PLAIN, Answer::Fixed("OK\n")),
            "/-/ready" if agent.ready.get().is_some() => text(200, PLAIN, Answer::Fixed("OK\n")),
            "/-/ready" if agent.is_settled() => {
                text(503, PLAIN, Answer::Fixed("the first pass is not complete\n"))
            }
            "/-/ready" => text(
                503,
                PLAIN,
                Answer::Fixed("objects of the Kubernetes API are awaited; / says of which kinds\n"),
            ),
            _ => text(404, PLAIN, Answer::Fixed("not found; / lists the paths\n")),
        }
    }
}

const fn text(status: u16, content_type: &'static str, body: Answer) -> Response<Answer> {
    Response { status, content_type, body }
}

impl Front {
    async fn scrape(&self, index: usize, selection: Selection) -> Response<Answer> {
        let agent = &self.0;
        let sections = ENDPOINTS[index].1;
        let Selection { node: set, only, kinds } = selection;
        let left_out = |section: Section| match section {
            Section::Container | Section::Objects | Section::Telemetry => {
                only && sections.contains(&Section::Node)
            }
            Section::Process => !agent.settings.process_metrics,
            Section::Node | Section::Own | Section::Kube => false,
        };
        for section in sections.iter().filter(|section| !left_out(**section)) {
            let wanted = if *section == Section::Node { set } else { Set::ALL };
            agent.freshen(*section, wanted).await;
        }
        let mut pinned = [const { None }; SECTIONS_MAX];
        for (place, section) in pinned.iter_mut().zip(sections) {
            if !left_out(*section) {
                *place = match section {
                    Section::Objects => ObjectsAt::new(agent, kinds).map(Piece::Objects),
                    _ => agent.pin(*section).map(|frame| Piece::Frame(*section, frame)),
                };
            }
        }
        let scrape = Scrape {
            agent: agent.clone(),
            endpoint: index,
            set,
            pinned,
            at: 0,
            cursor: Cursor::default(),
            series: 0,
            bytes: 0,
        };
        text(200, TEXT, Answer::Scrape(scrape))
    }
}

/// The body of an answer.
#[expect(clippy::large_enum_variant, reason = "it is moved once, and must not be on the heap")]
pub enum Answer {
    Fixed(&'static str),
    Refusal(Refusal),
    Page(Rc<Agent>, page::At),
    Scrape(Scrape),
}

/// What of an answer comes from one section.
enum Piece {
    Frame(Section, Pin),
    Objects(ObjectsAt),
}

/// Frames that are being rendered; they stay as they are until the last byte is sent or the client is gone.
pub struct Scrape {
    agent: Rc<Agent>,
    endpoint: usize,
    set: Set,
    pinned: [Option<Piece>; SECTIONS_MAX],
    at: usize,
    cursor: Cursor,
    series: u64,
    bytes: u64,
}

impl Body for Answer {
    fn fill(&mut self, page: &mut [u8]) -> Filled {
        let whole = |page: &mut [u8], text: &[u8]| {
            let length = text.len().min(page.len());
            page[..length].copy_from_slice(&text[..length]);
            Filled::Last(length)
        };
        match self {
            Answer::Fixed(text) => whole(page, text.as_bytes()),
            Answer::Refusal(text) => whole(page, text.as_bytes()),
            Answer::Page(agent, at) => match page::fill(agent, at, page) {
                (used, true) => Filled::Last(used),
                (used, false) => Filled::More(used),
            },
            Answer::Scrape(scrape) => scrape.fill(page),
        }
    }
}

impl Scrape {
    fn fill(&mut self, bytes: &mut [u8]) -> Filled {
        let mut page = Page::new(bytes);
        while let Some(pinned) = self.pinned.get_mut(self.at) {
            let done = match pinned {
                None => true,
                Some(Piece::Objects(objects)) => match objects.fill(&self.agent, &mut page) {
                    Some(done) => done,
                    None => return Filled::Cut,
                },
                Some(Piece::Frame(section, pin)) => {
                    let (section, pin) = (*section, *pin);
                    if !self.agent.store(section).is_some_and(|store| store.borrow().holds(pin)) {
                        return Filled::Cut;
                    }
                    self.section(section, pin, &mut page)
                }
            };
            if !done {
                self.bytes += page.used() as u64;
                return Filled::More(page.used());
            }
            self.series += match &self.pinned[self.at] {
                Some(Piece::Objects(objects)) => objects.series(),
                _ => self.cursor.series,
            };
            self.cursor = Cursor::default();
            self.at += 1;
        }
        self.bytes += page.used() as u64;
        self.note();
        Filled::Last(page.used())
    }

    /// Renders what fits of a section. `true`: all of it is written.
    fn section(&mut self, section: Section, pin: Pin, page: &mut Page<'_>) -> bool {
        let agent = &self.agent;
        let Some(store) = agent.store(section) else { return true };
        let store = store.borrow();
        if section != Section::Node || self.set == Set::ALL {
            return render(&store, pin, Filter::ALL, &mut self.cursor, page);
        }
        let (shown, set) = (&agent.node, self.set);
        let tables = |table: usize| shown.owner[table].is_none_or(|index| set.has(index));
        let rows = |table: usize, labels: &[u8]| shown.owner[table].is_some() || selected(shown, set, labels);
        render(&store, pin, Filter { tables: &tables, rows: &rows }, &mut self.cursor, page)
    }

    /// A whole answer was written: its size is a metric.
    fn note(&self) {
        if self.set == Set::ALL {
            let answer = &mut self.agent.answers.borrow_mut()[self.endpoint];
            answer.series = self.series;
            answer.bytes = self.bytes;
            answer.answers += 1;
        }
    }
}

/// Is a row about collectors about a selected one, or about all?
fn selected(shown: &Shown, set: Set, labels: &[u8]) -> bool {
    let Some(rest) = labels.strip_prefix(b"collector=\"") else { return true };
    let name = rest.split(|byte| *byte == b'"').next().unwrap_or(rest);
    let stats = shown.stats.borrow();
    stats.iter().position(|stat| stat.name.as_bytes() == name).is_some_and(|index| set.has(index))
}

impl Drop for Scrape {
    fn drop(&mut self) {
        for piece in self.pinned.iter().flatten() {
            match piece {
                Piece::Frame(section, pin) => self.agent.unpin(*section, *pin),
                Piece::Objects(objects) => objects.end(&self.agent),
            }
        }
    }
}
