//! Which objects are watched, by which flags: kinds, families, sources and who reports them.

use crate::base::clock::Moment;
use crate::expo::lines::Allows;
use crate::expo::objects::ShownKind;
use crate::family::Profile;
use crate::flags::Flags;
use crate::http::Counter;
use crate::http::client::Connection;
use crate::kube::api::{self, Api};
use crate::kube::cache::{Cache, Scope, Shard, Source, SourceSpec, WatchedKind};
use crate::kube::config::{self, Cluster};
use crate::kube::lease::LeaseSettings;
use crate::kube::owner::Owner;
use crate::kube::reflect::Reflector;
use crate::kube::watch::Watches;
use crate::limits::Limits;
use crate::objects::KINDS;
use crate::records::{Allow, Family, Kind, Selector, Shelf, ShelfLimits};
use crate::store::Item;
use crate::text::allow::AllowLists;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

const LEASE_NAME: &str = "kube-state.lease.name";
const LEASE_NAMESPACE: &str = "kube-state.lease.namespace";
const RESOURCES: &str = "promscrape.kubernetes.kube-state.resources";
const LABELS: &str = "metric-labels-allowlist";
const ANNOTATIONS: &str = "metric-annotations-allowlist";
const METRICS: &str = "metric-allowlist";
const NOT_METRICS: &str = "metric-denylist";
const OPT_IN: &str = "metric-opt-in-list";

/// Longest record of an object: as much as one of the largest scratches holds.
const RECORD_BYTES: u32 = 1 << 20;

/// Who reports what is not of one node.
#[derive(Clone, Debug)]
enum Ownership {
    Always,
    Never,
    Lease(LeaseSettings),
}

/// A kind that is on, and what of it is served.
struct Choice {
    kind: &'static Kind,
    families: Vec<&'static Family>,
    allow: Allow,
}

/// What the operator asked for.
pub struct ObjectOptions {
    cluster: Cluster,
    choices: Vec<Choice>,
    sources: Vec<SourceSpec>,
    ownership: Ownership,
    shard: Shard,
    seed: u64,
}

impl ObjectOptions {
    /// Reads the flags; all mistakes together. A text in the place of options: objects are not watched, and why.
    pub fn read(flags: &Flags, now: Moment) -> Result<Result<Self, String>, Vec<String>> {
        let profile = super::asked::profile(flags);
        // No two agents begin in the same nanosecond with the same number of a process.
        let seed = now.unix_nanos.unsigned_abs() ^ u64::from(std::process::id()).rotate_left(40);
        let mut mistakes = Vec::new();
        let mut note = |mistake: Result<(), String>| mistakes.extend(mistake.err());
        let lists = Lists::read(flags, &mut note);
        let names = chosen(flags, &mut note);
        let number = u32::try_from(flags.int("shard")).unwrap_or(u32::MAX);
        let of = u32::try_from(flags.int("total-shards")).unwrap_or(u32::MAX);
        if number >= of {
            note(Err(format!("-shard={number}: shards are counted from 0 to -total-shards={of} less one")));
        }
        note(object_name(flags, LEASE_NAME, 253));
        if !flags.text(LEASE_NAMESPACE).is_empty() {
            note(object_name(flags, LEASE_NAMESPACE, 63));
        }
        if !super::asked::part_is_on(flags, "kube-state")
            || !flags.bool("promscrape.kubernetes.kube-state.enabled")
        {
            return if mistakes.is_empty() { Ok(Err(off_by_flag(flags).to_owned())) } else { Err(mistakes) };
        }
        let cluster = match cluster(flags) {
            Ok(cluster) => cluster,
            Err(more) => {
                mistakes.extend(more);
                Err(String::new())
            }
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let cluster = match cluster {
            Ok(cluster) => cluster,
            Err(off) => return Ok(Err(off)),
        };
        let given = flags.text("node");
        let node = if given.is_empty() { flags.text("nodeName") } else { given };
        let choices: Vec<Choice> =
            names.iter().filter_map(|kind| lists.as_ref()?.choice(kind, profile)).collect();
        let mut sources = sources(flags, &choices, node);
        let ownership = match flags.text("kube-state.owner") {
            "always" => Ownership::Always,
            "never" => Ownership::Never,
            _ => Ownership::Lease(lease(flags, &cluster, node)),
        };
        if matches!(ownership, Ownership::Never) {
            sources.retain(|source| source.scope == Scope::Always);
        }
        let shard = Shard { number, of };
        Ok(Ok(ObjectOptions { cluster, choices, sources, ownership, shard, seed }))
    }

    fn limits(limits: &Limits) -> ShelfLimits {
        ShelfLimits {
            objects: limits.objects,
            names: limits.object_names,
            heap_bytes: limits.object_kib.saturating_mul(1024),
            record_bytes: RECORD_BYTES,
            walks: limits.connections.saturating_add(1),
        }
    }

    /// What [`Self::build`] allocates, and what connections to the API server take.
    pub fn plan(&self, limits: &Limits) -> Vec<Item> {
        let mut items = Shelf::plan(&Self::limits(limits));
        let item = |what, rows: usize, row_bytes: u64| Item { what, rows: rows as u64, row_bytes };
        let selectors: u64 =
            self.choices.iter().map(|choice| Selector::new(choice.kind.fields).bytes()).sum();
        let scratches =
            self.sources.iter().map(|source| Reflector::bytes(self.choices[source.kind].kind.scratch_bytes));
        items.push(item("selectors", 1, selectors));
        items.push(item(
            "kinds",
            self.choices.len(),
            (size_of::<WatchedKind>() + size_of::<ShownKind>()) as u64,
        ));
        items.push(item("sources", self.sources.len(), size_of::<Source>() as u64));
        items.push(item("objects on their way", 1, scratches.sum()));
        let connections = self.sources.len() + usize::from(matches!(self.ownership, Ownership::Lease(_)));
        items.push(Connection::plan("API connections", connections as u64));
        items
    }

    /// The server in words, for the log.
    pub fn line(&self) -> String {
        let whose = match &self.ownership {
            Ownership::Always => "all that is asked for".to_owned(),
            Ownership::Never => "pods of this node only".to_owned(),
            Ownership::Lease(lease) => {
                format!("what is not of one node by lease {}/{}", lease.namespace, lease.name)
            }
        };
        format!(
            "{} kinds of objects are watched at {}; {whose}",
            self.choices.len(),
            api::name(&self.cluster)
        )
    }

    /// Allocates everything.
    pub fn build(self, limits: &Limits) -> (Watches, Vec<Reflector>) {
        let shelf = Shelf::new(&Self::limits(limits), self.choices.iter().map(|choice| choice.kind.fields));
        let (mut kinds, mut shown) = (Vec::new(), Vec::new());
        for (place, Choice { kind, families, allow }) in self.choices.into_iter().enumerate() {
            let allows =
                Allows { labels: !allow.labels.is_empty(), annotations: !allow.annotations.is_empty() };
            shown.push(ShownKind { kind, place, families, allows });
            kinds.push(WatchedKind {
                kind,
                selector: Rc::new(Selector::new(kind.fields)),
                allow: Rc::new(allow),
                loss_said: Cell::new(false),
                refusal_said: Cell::new(false),
            });
        }
        let sources = self.sources.into_iter().map(Source::new).collect();
        let cache = Rc::new(Cache {
            shelf: RefCell::new(shelf),
            kinds,
            shown,
            sources,
            shard: self.shard,
            syncs: Cell::new(0),
            forgotten: Cell::new(0),
            lines_refused: Counter::default(),
        });
        let api = Rc::new(Api::new(self.cluster, self.seed));
        let owner = Rc::new(match self.ownership {
            Ownership::Always => Owner::fixed(true),
            Ownership::Never => Owner::fixed(false),
            Ownership::Lease(settings) => Owner::elected(settings, self.seed),
        });
        let reflectors =
            (0..cache.sources.len()).map(|number| Reflector::new(&cache, &api, number)).collect();
        (Watches { cache, api, owner }, reflectors)
    }
}

fn off_by_flag(flags: &Flags) -> &'static str {
    if flags.bool("promscrape.kubernetes") {
        "kube-state is off by flag"
    } else {
        "-promscrape.kubernetes=false: only metrics of the agent itself are served"
    }
}

/// The cluster of `-kubeconfig`, or the one that this is a pod of; a text: there is none to be had, and why. A pod may be
/// without a service account on purpose, so that is no mistake of the flags.
fn cluster(flags: &Flags) -> Result<Result<Cluster, String>, Vec<String>> {
    let file = flags.text("kubeconfig");
    if !file.is_empty() {
        let context = Some(flags.text("kubeconfig.context")).filter(|context| !context.is_empty());
        return config::from_kubeconfig(Path::new(file), context).map(Ok);
    }
    let env = |name: &str| std::env::var(name).ok();
    Ok(match config::in_cluster(env, Path::new(config::SERVICE_ACCOUNT)) {
        Ok(Some(cluster)) => Ok(cluster),
        Ok(None) => Err("not in a Kubernetes cluster and no -kubeconfig: kube-state is off".to_owned()),
        Err(why) => Err(format!("kube-state is off: {why}")),
    })
}

fn lease(flags: &Flags, cluster: &Cluster, node: &str) -> LeaseSettings {
    let namespace = flags.text(LEASE_NAMESPACE);
    let own = cluster.namespace.as_deref().unwrap_or("default");
    LeaseSettings {
        name: flags.text(LEASE_NAME).to_owned(),
        namespace: if namespace.is_empty() { own } else { namespace }.to_owned(),
        identity: node.to_owned(),
        duration: flags.duration("kube-state.lease.duration"),
    }
}

/// Is a flag's value a name that objects can have? It becomes a part of paths.
fn object_name(flags: &Flags, flag: &str, longest: usize) -> Result<(), String> {
    let name = flags.text(flag);
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= longest && name.split('.').all(is_label) {
        return Ok(());
    }
    Err(format!(
        "-{flag}={name}: no name that Kubernetes allows; allowed are 1 to {longest} lower-case letters, digits, dashes \
         and dots, with a letter or digit at both ends and beside dots"
    ))
}

/// The kinds of `--resources`.
fn chosen(flags: &Flags, note: &mut impl FnMut(Result<(), String>)) -> Vec<&'static Kind> {
    let wanted: Vec<&str> = flags.list(RESOURCES).collect();
    for name in wanted.iter().filter(|name| **name != "all") {
        if !KINDS.iter().any(|kind| kind.resource == *name) {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.resource).collect();
            note(Err(format!("-{RESOURCES}={name}: no such resource; there are {}", known.join(", "))));
        }
    }
    let all = wanted.is_empty() || wanted.contains(&"all");
    let is_on = |kind: &&&Kind| (all && kind.default) || wanted.contains(&kind.resource);
    KINDS.iter().filter(is_on).copied().collect()
}

/// The lists about metrics and labels.
struct Lists {
    labels: AllowLists,
    annotations: AllowLists,
    metrics: Vec<fancy_regex::Regex>,
    not_metrics: Vec<fancy_regex::Regex>,
    opt_in: Vec<fancy_regex::Regex>,
}

impl Lists {
    fn read(flags: &Flags, note: &mut impl FnMut(Result<(), String>)) -> Option<Self> {
        let mut allow = |name: &str| match AllowLists::parse(flags.text(name)) {
            Ok(lists) => {
                for resource in lists.iter().map(|(resource, _)| resource).filter(|resource| *resource != "*")
                {
                    if !KINDS.iter().any(|kind| kind.resource == resource) {
                        note(Err(format!("-{name}: no such resource: {resource}")));
                    }
                }
                Some(lists)
            }
            Err(mistake) => {
                note(Err(format!("-{name}={}: {mistake}", flags.text(name))));
                None
            }
        };
        let (labels, annotations) = (allow(LABELS), allow(ANNOTATIONS));
        let mut patterns = |name: &str| -> Vec<fancy_regex::Regex> {
            let made = flags.list(name).map(|text| {
                fancy_regex::Regex::new(text)
                    .map_err(|error| format!("-{name}={text}: not a regular expression: {error}"))
            });
            made.filter_map(|made| made.map_err(|mistake| note(Err(mistake))).ok()).collect()
        };
        let (metrics, not_metrics, opt_in) = (patterns(METRICS), patterns(NOT_METRICS), patterns(OPT_IN));
        if !metrics.is_empty() && !not_metrics.is_empty() {
            note(Err(format!("-{METRICS} and -{NOT_METRICS}: give one of them")));
        }
        Some(Lists { labels: labels?, annotations: annotations?, metrics, not_metrics, opt_in })
    }

    /// What of a kind is served; `None`: nothing.
    fn choice(&self, kind: &'static Kind, profile: Profile) -> Option<Choice> {
        let patterns = |lists: &AllowLists| lists.of(kind.resource).to_vec();
        let allow = Allow { labels: patterns(&self.labels), annotations: patterns(&self.annotations) };
        let families: Vec<&Family> =
            kind.families.iter().filter(|family| self.serves(family, profile, &allow)).collect();
        (!families.is_empty()).then_some(Choice { kind, families, allow })
    }

    /// What is asked for by name is served whatever the profile.
    fn serves(&self, family: &Family, profile: Profile, allow: &Allow) -> bool {
        let any = |patterns: &[fancy_regex::Regex]| {
            patterns.iter().any(|pattern| pattern.is_match(family.name).unwrap_or(false))
        };
        if family.opt_in && !any(&self.opt_in) || any(&self.not_metrics) {
            return false;
        }
        if !self.metrics.is_empty() {
            return any(&self.metrics);
        }
        let asked = family.opt_in
            || (family.name.ends_with("_labels") && !allow.labels.is_empty())
            || (family.name.ends_with("_annotations") && !allow.annotations.is_empty());
        asked || family.profile <= profile
    }
}

/// One list and watch for each kind, place and selection.
fn sources(flags: &Flags, choices: &[Choice], node: &str) -> Vec<SourceSpec> {
    let either = |first: &str, second: &str| -> Vec<String> {
        let name = if flags.given(first) { first } else { second };
        flags.list(name).map(str::to_owned).collect()
    };
    let wanted = either("promscrape.kubernetes.kube-state.namespaces", "promscrape.kubernetes.namespaces");
    let denied = either(
        "promscrape.kubernetes.kube-state.excludeNamespaces",
        "promscrape.kubernetes.exclude-namespaces",
    );
    let everywhere = wanted.is_empty();
    let namespaces: Vec<String> = if everywhere {
        vec![String::new()]
    } else {
        wanted.into_iter().filter(|namespace| !denied.contains(namespace)).collect()
    };
    let mut sources = Vec::new();
    for (place, Choice { kind, .. }) in choices.iter().enumerate() {
        let cluster_wide = [String::new()];
        let namespaces = if kind.namespaced { &namespaces[..] } else { &cluster_wide[..] };
        for namespace in namespaces {
            let mut terms: Vec<String> = Vec::new();
            if kind.namespaced && everywhere {
                terms.extend(denied.iter().map(|namespace| format!("metadata.namespace!={namespace}")));
            }
            let mut add = |scope: Scope, term: Option<String>| {
                let terms: Vec<String> = terms.iter().cloned().chain(term).collect();
                let (namespace, field_selector) = (namespace.clone(), terms.join(","));
                sources.push(SourceSpec { kind: place, namespace, field_selector, scope });
            };
            if kind.resource == "pods" && flags.text("kube-state.pods") == "node" {
                add(Scope::Always, Some(format!("spec.nodeName={node}")));
                add(Scope::Owner, Some("spec.nodeName=".to_owned()));
            } else {
                add(Scope::Owner, None);
            }
        }
    }
    sources
}
