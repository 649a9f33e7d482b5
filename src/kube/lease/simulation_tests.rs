//! Campaigns on virtual time: a fake API server, and agents that lose answers, stop, die, leave and come again.

use super::timing::Dice;
use super::*;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLI;
const START: u64 = 1000 * SECOND;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The agent's timer.
    Wake {
        agent: usize,
        turn: u64,
    },
    /// A request reaches the server.
    Arrive {
        agent: usize,
        turn: u64,
        request: Request,
    },
    /// An answer reaches the agent.
    Answer {
        agent: usize,
        turn: u64,
        answer: Answer,
    },
    /// The agent waits no longer.
    GiveUp {
        agent: usize,
        turn: u64,
    },
    Chaos,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    Read { cached: bool },
    Create(String),
    Update(String),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Lease(String),
    NotFound,
    Conflict,
    Forbidden,
    Failed,
}

impl Answer {
    fn outcome(&self) -> Outcome<'_> {
        match self {
            Answer::Lease(text) => Outcome::Lease(text.as_bytes()),
            Answer::NotFound => Outcome::NotFound,
            Answer::Conflict => Outcome::Conflict,
            Answer::Forbidden => Outcome::Forbidden,
            Answer::Failed => Outcome::Failed,
        }
    }
}

/// Keeps the Lease and what it was before, for reads from a cache that is behind.
#[derive(Default)]
struct Server {
    history: Vec<(u64, Option<Value>)>,
    version: u64,
}

impl Server {
    fn lease(&self) -> Option<&Value> {
        self.history.last().and_then(|(_, lease)| lease.as_ref())
    }

    fn write(&mut self, at: u64, mut lease: Value, uid: &Value) -> Answer {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = self.version.to_string().into();
        lease["metadata"]["uid"] = uid.clone();
        let text = lease.to_string();
        self.history.push((at, Some(lease)));
        Answer::Lease(text)
    }

    fn answer(&mut self, at: u64, request: &Request, lag: u64) -> Answer {
        match request {
            Request::Read { cached } => {
                let seen = if *cached { at.saturating_sub(lag) } else { at };
                let lease = self.history.iter().rev().find(|(since, _)| *since <= seen);
                lease
                    .and_then(|(_, lease)| lease.as_ref())
                    .map_or(Answer::NotFound, |lease| Answer::Lease(lease.to_string()))
            }
            Request::Create(_) if self.lease().is_some() => Answer::Conflict,
            Request::Create(body) => {
                let uid = json!(format!("uid-{}", self.version));
                self.write(at, serde_json::from_str(body).unwrap(), &uid)
            }
            Request::Update(body) => {
                let body: Value = serde_json::from_str(body).unwrap();
                // A deleted Lease has no uid, so the one in the body does not match it.
                let Some(lease) = self.lease() else { return Answer::Conflict };
                let uid = lease["metadata"]["uid"].clone();
                let same = |field: &str| body["metadata"][field] == lease["metadata"][field];
                if same("resourceVersion") && same("uid") {
                    self.write(at, body, &uid)
                } else {
                    Answer::Conflict
                }
            }
        }
    }

    fn delete(&mut self, at: u64) {
        self.history.push((at, None));
    }
}

struct Agent {
    elector: Elector,
    wall: i64,
    /// Grows with every request and every wait: what belongs to an earlier one is dropped.
    turn: u64,
    alive: bool,
    stopped_until: u64,
}

/// How bad the world is.
#[derive(Clone, Copy)]
struct Weather {
    delay_max: u64,
    lag_max: u64,
    /// Of 1000 messages.
    lost: u64,
}

const CALM: Weather = Weather { delay_max: 80 * MILLI, lag_max: 50 * MILLI, lost: 0 };
const STORM: Weather = Weather { delay_max: 1500 * MILLI, lag_max: 6 * SECOND, lost: 150 };

struct World {
    now: u64,
    dice: Dice,
    seed: u64,
    duration: Duration,
    server: Server,
    agents: Vec<Agent>,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    weather: Weather,
    down_until: u64,
    chaos: bool,
    events: u64,
    terms: u64,
    reads: u64,
}

impl World {
    fn new(seed: u64, agents: usize, duration: Duration) -> World {
        let mut world = World {
            now: START,
            dice: Dice::new(seed, "world"),
            seed,
            duration,
            server: Server::default(),
            agents: Vec::new(),
            queue: BinaryHeap::new(),
            order: 0,
            weather: STORM,
            down_until: 0,
            chaos: true,
            events: 0,
            terms: 0,
            reads: 0,
        };
        for _ in 0..agents {
            world.join();
        }
        world.push(SECOND, Event::Chaos);
        world
    }

    /// A new process, on a node of its own or in the place of one that is gone.
    fn join(&mut self) {
        let settings = LeaseSettings {
            name: "trimeter".into(),
            namespace: "monitoring".into(),
            identity: format!("node{}", self.agents.len() % 3),
            duration: self.duration,
        };
        let elector = Elector::new(settings, self.dice.next());
        let wall = i64::try_from(1_700_000_000 * SECOND).unwrap();
        self.agents.push(Agent { elector, wall, turn: 0, alive: true, stopped_until: 0 });
        let delay = self.dice.below(3 * SECOND);
        self.push(delay, Event::Wake { agent: self.agents.len() - 1, turn: 0 });
    }

    fn push(&mut self, delay: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((self.now + delay, self.order, event)));
    }

    fn check(&mut self) {
        let now = Monotonic(self.now);
        let owners: Vec<usize> =
            (0..self.agents.len()).filter(|&at| self.agents[at].elector.is_owner(now)).collect();
        let seed = self.seed;
        // The dead count as well: they may only be stopped.
        assert!(owners.len() <= 1, "seed {seed}: {owners:?} are owners at {}", self.now);
    }

    fn owner(&self) -> Option<usize> {
        let now = Monotonic(self.now);
        (0..self.agents.len()).find(|&at| {
            let agent = &self.agents[at];
            agent.alive && agent.stopped_until <= self.now && agent.elector.is_owner(now)
        })
    }

    /// What the agent does when it has nothing to wait for.
    fn drive(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        agent.turn += 1;
        let turn = agent.turn;
        let unix_nanos = agent.wall + i64::try_from(self.now - START).unwrap();
        let step = agent.elector.next(Moment { monotonic: Monotonic(self.now), unix_nanos });
        let patience = u64::try_from(agent.elector.patience().as_nanos()).unwrap();
        let request = match step {
            Step::Wait(until) => {
                assert!(until.0 > self.now, "seed {}: waits for what is past", self.seed);
                return self.push(until.0 - self.now, Event::Wake { agent: at, turn });
            }
            Step::Done => {
                self.agents[at].alive = false;
                return;
            }
            Step::Read { cached } => Request::Read { cached },
            Step::Create(body) => Request::Create(body),
            Step::Update(body) => Request::Update(body),
        };
        self.push(patience, Event::GiveUp { agent: at, turn });
        if self.dice.below(1000) >= self.weather.lost {
            // Some are on their way for longer than anybody waits.
            let late = if self.weather.lost > 0 && self.dice.below(20) == 0 { 10 * SECOND } else { 0 };
            let delay = 1 + self.dice.below(self.weather.delay_max + late);
            self.push(delay, Event::Arrive { agent: at, turn, request });
        }
    }

    fn arrive(&mut self, agent: usize, turn: u64, request: &Request) {
        let lag = self.dice.below(self.weather.lag_max);
        self.reads += u64::from(matches!(request, Request::Read { .. }));
        let down = self.now < self.down_until;
        let answer = match self.dice.below(1000) {
            _ if down => Answer::Failed,
            0..10 if self.weather.lost > 0 => Answer::Forbidden,
            10..20 if self.weather.lost > 0 => {
                self.server.answer(self.now, request, lag);
                Answer::Lease("{\"kind\":".into())
            }
            _ => self.server.answer(self.now, request, lag),
        };
        if self.dice.below(1000) >= self.weather.lost {
            let delay = 1 + self.dice.below(self.weather.delay_max);
            self.push(delay, Event::Answer { agent, turn, answer });
        }
    }

    fn step(&mut self) {
        let Reverse((at, _, event)) = self.queue.pop().unwrap();
        self.now = at;
        self.events += 1;
        self.check();
        match event {
            Event::Chaos => {
                if self.chaos {
                    self.storm();
                    let delay = self.dice.below(8 * SECOND);
                    self.push(delay, Event::Chaos);
                }
            }
            Event::Arrive { agent, turn, request } => self.arrive(agent, turn, &request),
            Event::Wake { agent, turn }
            | Event::GiveUp { agent, turn }
            | Event::Answer { agent, turn, answer: _ }
                if self.agents[agent].turn != turn || !self.agents[agent].alive => {}
            Event::Wake { agent, .. } | Event::GiveUp { agent, .. } | Event::Answer { agent, .. }
                if self.agents[agent].stopped_until > self.now =>
            {
                // It happens to the process when it goes on, and a page is asked for before.
                let delay = self.agents[agent].stopped_until - self.now;
                self.push(delay, event);
            }
            Event::Wake { agent, .. } | Event::GiveUp { agent, .. } => self.drive(agent),
            Event::Answer { agent, answer, .. } => {
                self.agents[agent].elector.answered(Monotonic(self.now), answer.outcome());
                self.check();
                self.drive(agent);
            }
        }
        self.check();
    }

    /// Something goes wrong.
    fn storm(&mut self) {
        let count = u64::try_from(self.agents.len()).unwrap();
        let any = usize::try_from(self.dice.below(count)).unwrap();
        let victim = if self.dice.below(2) == 0 { self.owner().unwrap_or(any) } else { any };
        match self.dice.below(20) {
            0..4 => self.agents[victim].stopped_until = self.now + self.dice.below(60 * SECOND),
            4..8 => {
                let jump = i64::try_from(self.dice.below(10_000_000 * SECOND)).unwrap();
                self.agents[victim].wall += jump - i64::try_from(5_000_000 * SECOND).unwrap();
            }
            8..10 => {
                self.agents[victim].alive = false;
                self.join();
            }
            10..12 => {
                // It sends what it has to send until it is done.
                self.agents[victim].elector.release();
                let turn = self.agents[victim].turn;
                self.push(0, Event::Wake { agent: victim, turn });
                self.join();
            }
            12..14 => self.down_until = self.now + self.dice.below(30 * SECOND),
            14..16 if self.server.lease().is_some() => self.server.delete(self.now),
            16..18 => self.weather = if self.weather.lost > 0 { CALM } else { STORM },
            _ => {}
        }
    }

    fn run(&mut self, nanos: u64) {
        let until = self.now + nanos;
        while self.queue.peek().is_some_and(|Reverse((at, ..))| *at <= until) {
            self.step();
        }
        self.now = until;
        self.check();
    }

    /// Runs until somebody is the owner; how long that took.
    fn elect(&mut self, allowed: u64, what: &str) -> u64 {
        let begun = self.now;
        while self.owner().is_none() {
            assert!(self.now - begun <= allowed, "seed {}: no owner {what}", self.seed);
            self.run(10 * MILLI);
        }
        self.now - begun
    }

    /// The weather gets better, and there are as many agents as in the beginning.
    fn calm(&mut self, agents: usize) {
        (self.weather, self.down_until, self.chaos) = (CALM, 0, false);
        while self.agents.iter().filter(|agent| agent.alive).count() < agents {
            self.join();
        }
        for agent in &mut self.agents {
            agent.stopped_until = agent.stopped_until.min(self.now);
        }
    }
}

/// Fifteenths of the duration, in nanoseconds.
fn fifteenths(duration: Duration, count: u64) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap() * count / 15
}

fn campaign(seed: u64, agents: usize, duration: Duration) -> World {
    let mut world = World::new(seed, agents, duration);
    world.run(240 * SECOND);
    world.calm(agents);
    // The rest of a minute after a refusal, and what is left of the storm on the way.
    world.run(70 * SECOND);
    world.elect(fifteenths(duration, 30), "after the storm");
    for round in 0..4 {
        let moment = world.dice.below(fifteenths(duration, 15));
        world.run(fifteenths(duration, 15) + moment);
        let holder = world.owner().unwrap_or_else(|| panic!("seed {seed}: lost in good weather"));
        if round % 2 == 0 {
            world.agents[holder].alive = false;
        } else {
            world.agents[holder].stopped_until = world.now + 60 * SECOND;
        }
        world.elect(fifteenths(duration, 13), "in time after the holder was killed or stopped");
        if round % 2 == 0 {
            world.join();
        } else {
            world.run(70 * SECOND);
        }
    }
    let terms: u64 =
        world.agents.iter().map(|agent| agent.elector.numbers(Monotonic(0)).acquired_total).sum();
    assert!(terms >= 5, "seed {seed}: {terms} terms");
    world.terms = terms;
    world
}

#[test]
fn two_agents_never_report_and_one_always_does() {
    let (mut events, mut terms) = (0, 0);
    for seed in 0..100 {
        for agents in [2, 3, 10] {
            let world = campaign(seed, agents, Duration::from_secs(15));
            events += world.events;
            terms += world.terms;
        }
    }
    eprintln!("{events} events, {terms} terms");
    assert!(events > 300_000, "{events} events");
    assert!(terms > 3000, "{terms} terms");
}

#[test]
fn other_durations_are_as_safe() {
    for seed in 1000..1010 {
        campaign(seed, 3, Duration::from_millis(20_500));
        campaign(seed, 3, Duration::from_secs(60));
    }
}

#[test]
fn a_thousand_candidates_cost_the_server_little() {
    let mut world = World::new(7, 1000, Duration::from_secs(15));
    (world.weather, world.chaos) = (CALM, false);
    world.run(20 * SECOND);
    let holder = world.owner().unwrap();
    let (reads, version) = (world.reads, world.server.version);
    world.run(20 * SECOND);
    assert_eq!(world.owner(), Some(holder));
    assert!((world.reads - reads) / 20 <= 255, "{} reads in 20 s", world.reads - reads);
    assert_eq!(world.server.version - version, 10);
    let conflicts = |world: &World| -> u64 {
        world.agents.iter().map(|agent| agent.elector.numbers(Monotonic(world.now)).conflicts_total).sum()
    };
    let before = conflicts(&world);
    world.agents[holder].alive = false;
    world.elect(13 * SECOND, "among a thousand");
    world.run(10 * SECOND);
    assert!(conflicts(&world) - before < 900, "{} writes came too late", conflicts(&world) - before);
    // An orderly end: one of them takes it with its next read.
    let holder = world.owner().unwrap();
    world.agents[holder].elector.release();
    let turn = world.agents[holder].turn;
    world.push(0, Event::Wake { agent: holder, turn });
    let before = conflicts(&world);
    let took = world.elect(SECOND, "after a release");
    assert!(took < SECOND);
    world.run(10 * SECOND);
    assert!(conflicts(&world) - before < 100, "{} writes came too late", conflicts(&world) - before);
}

/// Agents with a short duration wait as long as the holder with a long one trusts itself.
#[test]
fn agents_with_different_durations_respect_each_other() {
    for seed in 0..10 {
        let mut world = World::new(seed, 1, Duration::from_secs(120));
        (world.weather, world.chaos) = (CALM, false);
        world.elect(120 * SECOND, "of one");
        world.duration = Duration::from_secs(5);
        (0..3).for_each(|_| world.join());
        world.run(300 * SECOND);
        assert_eq!(world.owner(), Some(0), "seed {seed}");
        world.agents[0].alive = false;
        world.elect(104 * SECOND, "after the one with the long duration");
    }
}
