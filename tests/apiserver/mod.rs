//! A Kubernetes API server for tests: it keeps objects, answers lists and watches over real sockets as the real one
//! does, goes wrong on demand, and remembers who asked for what.
//!
//! ```text
//! let api = Api::start();
//! api.put("pods", generate::pod("web-1", "shop", "node-1"));
//! let agent = Agent::start(&["-kubeconfig", api.kubeconfig().to_str().unwrap()]);
//! api.eventually("the watch is open", |api| api.watches("pods") == 1);
//! api.faults_on("watch=", 0, 1, Faults { cut: Cut::body(100, End::Reset), ..Faults::default() });
//! ```
#![allow(
    dead_code,
    unused_imports,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "helpers of tests; every test uses some of them"
)]

pub mod client;
pub mod faults;
pub mod generate;
pub mod json;
mod kinds;
mod log;
mod serve;
mod state;
mod status;
mod target;
pub mod tls;
mod watch;
mod wire;

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

pub use faults::{Cut, End, Faults, InitialEventsEnd, Place, Refusal};
pub use log::Record;
pub use serve::Reach;
pub use tls::Tls;
pub use watch::WatchList;

use serve::{Inner, Shared};
use tls::Certificates;

/// How long `eventually` waits.
const EVENTUALLY: Duration = Duration::from_secs(20);

/// How long a server waits for its threads at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// The token that every kubeconfig holds until another is required.
pub const TOKEN: &str = "eyJhbGciOiJub25lIn0.test.";

/// A server; it ends when this is dropped.
pub struct Api {
    shared: Arc<Shared>,
    address: SocketAddr,
    certificates: Option<Certificates>,
    folder: PathBuf,
    listener: Option<JoinHandle<()>>,
}

impl Api {
    /// Serves plain HTTP. Requires no token.
    pub fn start() -> Api {
        Api::serve(None)
    }

    /// Serves TLS and requires `TOKEN` or the client certificate.
    pub fn start_tls(kind: Tls) -> Api {
        let api = Api::serve(Some(Certificates::new(kind)));
        api.require_token(Some(TOKEN));
        api
    }

    fn serve(certificates: Option<Certificates>) -> Api {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("trimeter-api-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::new(certificates.as_ref().map(|all| all.server.clone())));
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || serve::listen(&shared, &listener)
        });
        Api { shared, address, certificates, folder, listener: Some(thread) }
    }

    /// Changes something and wakes who waits for it.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let changed = change(&mut self.shared.lock());
        self.shared.changed.notify_all();
        changed
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http{}://{}", if self.certificates.is_some() { "s" } else { "" }, self.address)
    }

    /// The certificate of the authority, in PEM.
    pub fn authority(&self) -> &str {
        &self.certificates.as_ref().unwrap().authority_pem
    }
}

/// Where the server is and how to get in; the files are removed with the server.
impl Api {
    /// A kubeconfig with the token that is required now.
    pub fn kubeconfig(&self) -> PathBuf {
        let token = self.shared.lock().settings.token.clone();
        self.write_kubeconfig("token", &format!("    token: {}\n", token.as_deref().unwrap_or(TOKEN)))
    }

    /// A kubeconfig that names a file with the token, which `write_token` changes.
    pub fn kubeconfig_with_token_file(&self) -> PathBuf {
        let token = self.shared.lock().settings.token.clone();
        let file = self.write_token(token.as_deref().unwrap_or(TOKEN));
        self.write_kubeconfig("token-file", &format!("    tokenFile: {}\n", file.display()))
    }

    /// A kubeconfig with a client certificate, as administrators have it.
    pub fn kubeconfig_with_certificate(&self) -> PathBuf {
        let all = self.certificates.as_ref().unwrap();
        let lines = format!(
            "    client-certificate-data: {}\n    client-key-data: {}\n",
            STANDARD.encode(&all.client_pem),
            STANDARD.encode(&all.client_key_pem)
        );
        self.write_kubeconfig("certificate", &lines)
    }

    /// Puts another token in the file, as the kubelet does with a projected one: by renaming.
    pub fn write_token(&self, token: &str) -> PathBuf {
        let (file, fresh) = (self.folder.join("token"), self.folder.join("token.new"));
        std::fs::write(&fresh, token).unwrap();
        std::fs::rename(&fresh, &file).unwrap();
        file
    }

    fn write_kubeconfig(&self, name: &str, user: &str) -> PathBuf {
        let authority = self.certificates.as_ref().map_or(String::new(), |all| {
            format!("    certificate-authority-data: {}\n", STANDARD.encode(&all.authority_pem))
        });
        let text = format!(
            "apiVersion: v1\nkind: Config\npreferences: {{}}\nclusters:\n- name: test\n  cluster:\n{authority}    \
             server: {}\nusers:\n- name: trimeter\n  user:\n{user}contexts:\n- name: trimeter@test\n  context:\n    \
             cluster: test\n    user: trimeter\ncurrent-context: trimeter@test\n",
            self.url()
        );
        let path = self.folder.join(format!("kubeconfig-{name}"));
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Objects. A resource is named by its plural.
impl Api {
    /// Adds an object, or changes it when its namespace and name are there; returns its resourceVersion.
    pub fn put(&self, resource: &str, object: Value) -> u64 {
        let resource = kinds::known(resource);
        self.change(|inner| inner.store.put(resource, object).version)
    }

    /// Adds many.
    pub fn put_all(&self, resource: &str, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            self.put(resource, object);
        }
    }

    /// Deletes an object; the namespace is empty where there is none.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let gone = self.change(|inner| inner.store.delete(kinds::known(resource), &key));
        assert!(gone.is_some(), "no {resource} {namespace}/{name}");
    }

    /// An object as it is now, without `kind` and `apiVersion`.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (namespace.to_owned(), name.to_owned());
        let inner = self.shared.lock();
        inner.store.get(kinds::known(resource), &key).map(|object| json::parse(&object.text))
    }

    /// How many objects there are.
    pub fn count(&self, resource: &str) -> usize {
        self.shared.lock().store.all(kinds::known(resource)).count()
    }

    /// The resourceVersion of the last change.
    pub fn version(&self) -> u64 {
        self.shared.lock().store.version
    }

    /// Forgets all events: watches from before and pages of older lists get 410; open watches go on.
    pub fn compact(&self) {
        self.change(|inner| inner.store.compacted = inner.store.version);
    }

    /// Takes the objects of recorded lists, files PLURAL.json of a folder; returns how many.
    pub fn load_lists(&self, folder: &Path) -> usize {
        let mut count = 0;
        for resource in kinds::RESOURCES {
            let Ok(text) = std::fs::read_to_string(folder.join(format!("{}.json", resource.plural))) else {
                continue;
            };
            let mut list = json::parse(&text);
            assert_eq!(list["kind"], format!("{}List", resource.kind));
            assert_eq!(list["apiVersion"], resource.group_version);
            let Value::Array(items) = list["items"].take() else {
                panic!("{} has no items", resource.plural)
            };
            count += items.len();
            self.change(|inner| items.into_iter().for_each(|item| inner.store.load(resource, item)));
        }
        count
    }

    /// Answers requests whose path and query start so with a recorded answer, and closes the connection after it.
    /// Faults apply; authorization does not.
    pub fn replay_raw(&self, start: &str, file: &Path) {
        let mut bytes = std::fs::read(file).unwrap();
        // Heads that curl has translated from HTTP/2.
        if bytes.starts_with(b"HTTP/2 ") {
            bytes.splice(..7, *b"HTTP/1.1 ");
        }
        let replay = (start.to_owned(), Arc::new(bytes));
        self.change(|inner| inner.settings.replays.push(replay));
    }
}

/// What the server allows, serves and does by itself.
impl Api {
    /// Who shows another token gets 401; open watches go on. None: everyone is let in.
    pub fn require_token(&self, token: Option<&str>) {
        self.change(|inner| inner.settings.token = token.map(str::to_owned));
    }

    /// Verbs are get, list, watch, create, update, delete; they get 403.
    pub fn forbid(&self, resource: &str, verbs: &[&str]) {
        let plural = kinds::known(resource).plural;
        self.change(|inner| {
            inner.settings.forbidden.extend(verbs.iter().map(|verb| ((*verb).to_owned(), plural)));
        });
    }

    /// Allows every verb again.
    pub fn allow(&self, resource: &str) {
        self.change(|inner| inner.settings.forbidden.retain(|(_, plural)| *plural != resource));
    }

    /// Serves a group version, such as `autoscaling/v1`, or answers 404.
    pub fn serve_version(&self, group_version: &str, served: bool) {
        self.change(|inner| inner.settings.served.insert(group_version.to_owned(), served));
    }

    /// 404 for unknown paths as Go's HTTP server says it, in plain text, in place of a Status.
    pub fn plain_not_found(&self, on: bool) {
        self.change(|inner| inner.settings.plain_not_found = on);
    }

    pub fn watch_list(&self, mode: WatchList) {
        self.change(|inner| inner.settings.watch_list = mode);
    }

    /// A watch from too old a version gets status 410 in place of an ERROR event.
    pub fn gone_as_http(&self, on: bool) {
        self.change(|inner| inner.settings.gone_as_http = on);
    }

    /// How often watches that allow bookmarks get one; a minute otherwise.
    pub fn bookmark_every(&self, every: Duration) {
        self.change(|inner| inner.settings.bookmark_every = Some(every));
    }

    /// Sends a bookmark now.
    pub fn bookmark(&self) {
        self.change(|inner| inner.settings.bookmarks += 1);
    }

    /// Ends all watches in good order, as their timeouts would.
    pub fn end_watches(&self) {
        self.change(|inner| inner.settings.endings += 1);
    }

    /// Open watches get nothing more, not even an end, until they are thawed.
    pub fn freeze(&self, on: bool) {
        self.change(|inner| inner.settings.frozen = on);
    }

    /// What comes of connections that begin now; open ones go on until they are cut.
    pub fn reach(&self, reach: Reach) {
        self.change(|inner| inner.settings.reach = reach);
    }

    /// Shuts all connections, as a server that restarts.
    pub fn cut_connections(&self) {
        for stream in self.shared.connections.lock().unwrap().values() {
            // One that has just gone needs no shutting.
            drop(stream.upgrade().map(|stream| stream.shutdown(Shutdown::Both)));
        }
        self.shared.changed.notify_all();
    }
}

/// Faults; rules apply in the order in which they were set.
impl Api {
    /// Every request from now on, in place of all rules before.
    pub fn faults(&self, faults: Faults) {
        self.no_faults();
        self.faults_on("", 0, usize::MAX, faults);
    }

    /// Requests whose path and query hold `part` as the client has sent it: `skip` pass, then `times` suffer.
    pub fn faults_on(&self, part: &str, skip: usize, times: usize, faults: Faults) {
        self.change(|inner| inner.plan.push(part, skip, times, faults));
    }

    /// Faults of all kinds on `percent` of the requests, the same for the same seed.
    pub fn seeded_faults(&self, seed: u64, percent: u64) {
        self.change(|inner| inner.plan.seed(seed, percent));
    }

    /// How many requests have suffered since faults were set, those of another shape left out.
    pub fn spoiled(&self) -> usize {
        self.shared.lock().plan.spoiled
    }

    pub fn no_faults(&self) {
        self.change(|inner| inner.plan = faults::Plan::default());
    }
}

/// What clients did.
impl Api {
    /// All requests since the start or the last `clear_requests`.
    pub fn requests(&self) -> Vec<Record> {
        self.shared.lock().log.records.clone()
    }

    /// Those of one resource.
    pub fn requests_of(&self, resource: &str) -> Vec<Record> {
        let mut records = self.requests();
        records.retain(|record| record.resource == Some(kinds::known(resource).plural));
        records
    }

    pub fn clear_requests(&self) {
        self.change(|inner| inner.log.clear());
    }

    /// Watches of a resource that are open.
    pub fn watches(&self, resource: &str) -> usize {
        self.shared.lock().log.watches(Some(kinds::known(resource).plural))
    }

    /// Watches of all resources that are open.
    pub fn watches_all(&self) -> usize {
        self.shared.lock().log.watches(None)
    }

    /// Most requests of a resource that were open at the same time, watches counted.
    pub fn in_flight_max(&self, resource: &str) -> usize {
        self.shared.lock().log.open_max(kinds::known(resource).plural)
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.shared.threads.load(Ordering::Relaxed)
    }

    /// Waits until something is so.
    pub fn eventually(&self, what: &str, condition: impl Fn(&Api) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < EVENTUALLY, "not so after {EVENTUALLY:?}: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        drop(self.listener.take().map(JoinHandle::join));
        let start = Instant::now();
        while self.connections() > 0 && start.elapsed() < FAREWELL {
            self.cut_connections();
            std::thread::sleep(Duration::from_millis(2));
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
