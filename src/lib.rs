//! trimeter: one static binary per Linux node in the place of three exporters. README.md says what it does for its
//! users; this page is how it is built and why.
//!
//! # The flow, one direction
//!
//! ```text
//! source            absorb             store               family table        sink
//! /proc, /sys,  →   bytes → numbers →  rows × slots,   →   name, help, type, → text on /metrics…
//! netlink           (pure functions)   labels, frames      labels, scale
//! ```
//!
//! Nothing points back. A collector never sees a socket, a renderer never sees a file.
//!
//! # Modules, in reading order
//!
//! The spine is mechanism and knows no metric name:
//!
//! * [`base`]: bounded text, counters of trouble, the allocation gate, clock, log. Imports nothing.
//! * [`limits`], [`flags`], [`pattern`], [`filter`]: what the operator may decide.
//! * [`family`]: a metric in one literal: name, help, type, scale, source key, profile.
//! * [`store`]: tables of rows × families with a ring of frames; all of it allocated once.
//! * [`text`]: shapes of kernel files and of what Kubernetes writes, as pure functions.
//! * [`io`]: files, directories, netlink and mounts behind two contracts, with a live side and a replay.
//! * [`collect`]: the contract of a collector. [`part`]: collectors that share a store, and their passes.
//! * [`expo`]: numbers and frames as exposition text, a page at a time.
//! * [`net`]: connections with deadlines, plain and over TLS. [`http`]: the server, and a client.
//! * [`json`]: a push tokenizer. [`records`]: objects as compact records on a shelf in planned memory.
//! * [`kube`]: the API server: where it is, lists and watches, who reports what.
//!
//! The ribs are one peer each and know no I/O and no text: [`node`] is node_exporter, [`container`] is cAdvisor,
//! [`objects`] is kube-state-metrics, [`own`] is trimeter itself.
//! [`agent`] is the only module that knows both; [`command`] is what the program does with its arguments.
//!
//! Held by `tests/tidy.rs`: the spine never imports a rib, ribs never import each other, `base` imports nothing, only
//! listed files contain `unsafe`, files stay short.
//!
//! # Memory: planned, printed, sealed
//!
//! [`limits::Limits`] → plan ([`agent::Budget`], printed by `-dryRun`) → allocated once → sealed. A full table refuses
//! the new row, counts it (`trimeter_table_refused_total`) and keeps serving. From then on a pass and a scrape on a
//! kept-alive connection make no heap allocation; [`base::gate`] counts what does, and `tests/no_alloc.rs` fails on
//! the first.
//!
//! # Frames
//!
//! A pass fills a frame that nobody reads and makes it the newest. An answer pins the newest frame and renders it while
//! it is sent, a page of 32 KiB at a time: memory does not depend on the size of a body, and a slow client neither
//! sees half of a pass nor holds up the next. Values of collectors that a pass leaves out are carried over, so that
//! `?collect[]=` collects only what it asks for. A row is freed when no frame in use knows it.
//!
//! Values are stored inverted: memory that the kernel hands out zeroed, and that is not resident before it is written,
//! already says "missing". Large limits therefore cost plan, not residency.
//!
//! What the program itself takes is kept small by the link: it is at a fixed address, so that nothing is written to adjust
//! pointers, `build/layout.ld` puts code that is seldom run apart, and the sealing lets go of the code of the start.
//!
//! # One loop, not two threads
//!
//! Collection, rendering and serving share one thread. A pass takes less than a millisecond on an ordinary node, so
//! handing frames to a second thread would cost more than it saves. What can block for longer, statfs(2) of a remote
//! file system, has threads of its own; a pass waits for them at most 20 ms, and not at all for a mount that is known
//! to hang.
//!
//! # Objects
//!
//! ```text
//! API watch  →  json: tokens  →  records: selector, scratch  →  shelf: records, names  →  expo::objects  →  text
//! ```
//!
//! A kind declares paths and names of what is kept ([`record!`]); the selector made of them picks members out of the
//! tokens into a scratch, and the shelf takes the finished object in the place of the old one. Families are functions
//! from a record to lines, called while a page is filled: no text is kept. A relist marks what it has seen and sweeps
//! the rest at its end. An answer that has a part of an object on one page holds its record until the rest is sent: what
//! is said of an object and family is one state of it.
//!
//! Reflectors run on the same loop as the scrapes, 64 KiB of input at a time: 1,000 events a second move the 99th
//! percentile of a node scrape by 0.1 ms and a relist of 10,000 pods by 0.4 ms (PERF.md), so a second thread with its
//! queues would buy nothing. TLS and the lease allocate; from decrypted bytes to exposition text nothing does.
//!
//! # Reading
//!
//! Files with fixed names are planned: [`io::FileSpec`] → one batch before a pass, by io_uring or pread. Whatever is
//! found by walking (sensors, network devices, block queues) is read through [`io::Io`], which keeps descriptors below
//! /sys open in a planned table. Network devices come from one rtnetlink dump instead of thirty files each.
//!
//! Control groups ([`io::groups`]) are listed once; from then on inotify tells which come, go, and have their limits
//! written, and what it cannot tell is listed in every pass. Their directories and hottest files are held open, for a
//! read through a held descriptor costs a fifth: how many is planned, because the kernel keeps a page for each.

#[global_allocator]
static ALLOCATOR: base::gate::CountingAllocator = base::gate::CountingAllocator;

pub mod agent;
pub mod base;
pub mod collect;
pub mod command;
pub mod container;
pub mod expo;
pub mod family;
pub mod filter;
pub mod flags;
pub mod http;
pub mod io;
pub mod json;
pub mod kube;
pub mod limits;
pub mod net;
pub mod node;
pub mod objects;
pub mod own;
pub mod part;
pub mod pattern;
pub mod records;
pub mod store;
pub mod text;
