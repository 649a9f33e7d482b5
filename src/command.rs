//! What the program does with its arguments: help, version, the plan, one pass, or the agent.
//!
//! Exit codes: 0 done, 1 the world is in the way (an address in use), 2 the configuration is wrong.

mod check;

use crate::agent::{self, Budget, ObjectOptions, Options, Prepared};
use crate::base::log::{self, Level};
use crate::base::{clock, gate};
use crate::container;
use crate::flags::{self, Flag, Flags, peer, table};
use crate::io::engine::{Choice, Requested, probe, run as run_on};
use crate::limits::LIMIT_FLAGS;
use crate::node;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::rc::Rc;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the program.
pub fn run() -> ExitCode {
    // Where huge pages are always given, the first byte of a planned table would make 2 MiB of it resident, and charged to
    // the agent. A kernel without them refuses, and needs nothing.
    let _refused = rustix::thread::disable_transparent_huge_pages(true);
    gate::prepare();
    let started = clock::monotonic();
    let tables: Vec<&[Flag]> = flag_tables();
    let on_off: Vec<(&'static str, bool)> = collectors_on_off();
    let arguments = std::env::args_os().skip(1);
    let (mut flags, mistakes) = flags::read(&tables, &on_off, arguments, |name| std::env::var(name).ok());
    if flags.bool("help") {
        return print(&flags::help_text(&tables, &on_off));
    }
    if flags.text("nodeName").is_empty() {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let given = std::env::var("NODE_NAME").ok().filter(|name| !name.is_empty());
        flags.set("nodeName", &given.unwrap_or(host));
    }
    let mut mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    mistakes.extend(check::mistakes(&flags));
    let objects = ObjectOptions::read(&flags, clock::now());
    mistakes.extend(objects.as_ref().err().into_iter().flatten().cloned());
    if !mistakes.is_empty() {
        return wrong(mistakes.into_iter());
    }
    if flags.bool("version") {
        return print(&format!("trimeter-{}\n", env!("CARGO_PKG_VERSION")));
    }
    log::configure(level(&flags), flags.text("loggerFormat") == "json");
    let mut options = Options::new(&flags);
    let kubernetes = match objects {
        Ok(Ok(objects)) => {
            let line = objects.line();
            options.objects = Some(objects);
            line
        }
        Ok(Err(off)) => off,
        Err(_) => String::new(),
    };
    if let Err(mistake) = options.fit_descriptors() {
        return wrong(std::iter::once(mistake));
    }
    let prepared = options.prepare();
    let budget = options.budget(&prepared);
    let dry_run = flags.bool("dryRun");
    let printed = if dry_run { print(&agent::render_budget(&budget)) } else { ExitCode::SUCCESS };
    let allowed = flags.bytes("memory.allowedBytes");
    if allowed > 0 && budget.bytes() > allowed {
        let planned = budget.bytes();
        let text = format!(
            "-memory.allowedBytes={allowed}: the plan takes {planned} bytes; allow at least that, or lower the -limit.* flags (-dryRun prints the plan)"
        );
        return wrong(std::iter::once(text));
    }
    if dry_run {
        return printed;
    }
    if let Some(warning) = check::warning(&flags) {
        log::warn(format_args!("{warning}"));
    }
    let engine =
        probe(Requested::from_word(flags.text("io.engine")).unwrap_or(Requested::Auto), &options.roots);
    if flags.bool("once") {
        return once(options, prepared, &budget, engine, started);
    }
    serve(options, prepared, &budget, engine, started, kubernetes)
}

/// Every table of flags, in the order of `-help`.
pub fn flag_tables() -> Vec<&'static [Flag]> {
    let mut tables =
        vec![table::AGENT, table::KUBERNETES, table::OBJECTS, LIMIT_FLAGS, peer::NODE_EXPORTER, peer::ABSENT];
    tables.extend(node::COLLECTORS.iter().chain(container::COLLECTORS).map(|collector| collector.flags));
    tables
}

/// Every collector and whether it is on by default.
pub fn collectors_on_off() -> Vec<(&'static str, bool)> {
    node::COLLECTORS.iter().map(|collector| (collector.name, collector.default)).collect()
}

fn level(flags: &Flags) -> Level {
    match flags.text("loggerLevel") {
        "WARN" => Level::Warn,
        "ERROR" => Level::Error,
        "FATAL" => Level::Fatal,
        "PANIC" => Level::Panic,
        _ => Level::Info,
    }
}

fn wrong(mistakes: impl Iterator<Item = String>) -> ExitCode {
    for mistake in mistakes {
        if writeln!(std::io::stderr(), "trimeter: {mistake}").is_err() {
            break;
        }
    }
    ExitCode::from(2)
}

fn print(text: &str) -> ExitCode {
    if std::io::stdout().write_all(text.as_bytes()).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn once(
    options: Options<'_>,
    prepared: Prepared,
    budget: &Budget,
    choice: Choice,
    started: clock::Monotonic,
) -> ExitCode {
    let text = run_on(&choice, async |engine| {
        let (agent, _server) = agent::build(options, prepared, budget, choice, engine, started)?;
        Ok::<_, std::io::Error>(agent.once().await)
    });
    match text.flatten() {
        Ok(text) if std::io::stdout().write_all(&text).is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => cannot_start(&error),
    }
}

fn cannot_start(error: &std::io::Error) -> ExitCode {
    log::fatal(format_args!("cannot start the loop: {error}"));
    ExitCode::FAILURE
}

fn serve(
    options: Options<'_>,
    prepared: Prepared,
    budget: &Budget,
    choice: Choice,
    started: clock::Monotonic,
    kubernetes: String,
) -> ExitCode {
    let address = options.flags.text("httpListenAddr").to_owned();
    let listener = match listen(&address) {
        Ok(listener) => listener,
        Err(error) => {
            log::fatal(format_args!(
                "-httpListenAddr={address}: cannot listen: {error}; give IP:port with an address of this machine and a free port"
            ));
            return ExitCode::FAILURE;
        }
    };
    // With port 0 the kernel chooses one.
    let bound = listener.local_addr().map_or(address, |bound| bound.to_string());
    let cgroupfs = options.roots.cgroupfs.clone();
    let ignored: Vec<String> =
        options.flags.given_without_effect().iter().map(|name| format!("-{name}")).collect();
    let collectors: Vec<&str> = options.on.iter().map(|(collector, _)| collector.name).collect();
    let collectors = if collectors.is_empty() {
        "no collectors".to_owned()
    } else {
        format!("collectors {}", collectors.join(","))
    };
    let served = run_on(&choice, async move |engine| {
        let (agent, server) = agent::build(options, prepared, budget, choice, engine, started)?;
        let stopped = stopped();
        log::info(format_args!(
            "trimeter {} listens on {bound}; {collectors}; {}; {}; {} bytes planned, {} of them in the kernel",
            env!("CARGO_PKG_VERSION"),
            agent.groups_line(),
            agent.engine_line(),
            budget.bytes(),
            budget.kernel_bytes()
        ));
        log::info(format_args!("{kubernetes}"));
        if agent.lacks_groups() {
            log::warn(format_args!(
                "-path.cgroupfs={cgroupfs}: no control groups are mounted there; container metrics are missing"
            ));
        }
        if !ignored.is_empty() {
            log::warn(format_args!("accepted and without effect: {}", ignored.join(", ")));
        }
        let ticker = Rc::clone(&agent);
        tokio::task::spawn_local(async move { ticker.tick().await });
        let watcher = Rc::clone(&agent);
        tokio::task::spawn_local(async move { watcher.watch_groups().await });
        let looker = Rc::clone(&agent);
        tokio::task::spawn_local(async move { looker.watch_ready().await });
        agent.start_watches();
        server.run(listener, stopped).await?;
        agent.resign().await;
        log::info(format_args!("stopped"));
        Ok::<_, std::io::Error>(())
    });
    match served.flatten() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cannot_start(&error),
    }
}

/// Binds `host:port`, or `:port` of all addresses, IPv6 and IPv4 where the machine has both.
fn listen(address: &str) -> std::io::Result<TcpListener> {
    match address.strip_prefix(':') {
        Some(port) => {
            let port: u16 = port.parse().map_err(std::io::Error::other)?;
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
                .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
        }
        None => {
            let address = match address.strip_prefix("localhost:") {
                Some(port) => format!("127.0.0.1:{port}"),
                None => address.to_owned(),
            };
            TcpListener::bind(address.parse::<SocketAddr>().map_err(std::io::Error::other)?)
        }
    }
}

/// Ready when the process is asked to stop. SIGHUP is taken and ignored. The signals are caught from the call on, not
/// only when the future is first polled.
fn stopped() -> impl Future<Output = ()> {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let mut signals = kinds.map(|kind| signal(kind).ok());
    if signals.iter().any(Option::is_none) {
        log::error(format_args!(
            "signals cannot be watched: SIGTERM ends the agent without finishing answers"
        ));
    }
    std::future::poll_fn(move |context| {
        let [terminate, interrupt, hangup] = &mut signals;
        let mut came = |signal: &mut Option<Signal>| {
            signal.as_mut().is_some_and(|signal| signal.poll_recv(context).is_ready())
        };
        while came(hangup) {}
        if came(terminate) || came(interrupt) { Poll::Ready(()) } else { Poll::Pending }
    })
}
