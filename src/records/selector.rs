//! Which members of a kind's JSON are kept, as a tree of keys that is made from the fields once, at the start.

use super::field::{Field, ListShape, Of, Shape, TOLD};
use std::ops::Range;

/// "None", for places in the lists below.
pub(super) const NONE: u16 = u16::MAX;

/// A member, or an element of an array.
#[derive(Clone, Debug)]
pub(super) struct Node {
    key: Range<u16>,
    /// Members of it, one after the other.
    children: Range<u16>,
    /// A bit for each length that a child's key has, lengths from 63 on together.
    lengths: u64,
    /// Slots that its value goes to.
    pub leaves: Range<u16>,
    /// The list that its elements are rows of, if it is an array.
    pub elements: u16,
    /// The lists that its members are rows of, if it is an object.
    pub members: Range<u16>,
}

/// A slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    /// Where it is in the row.
    pub at: u16,
    pub shape: Shape,
}

/// A list of rows.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// Where its slot is in the row above.
    pub at: u16,
    /// What an element is.
    pub root: u16,
    /// Slots that the key of a member goes to.
    pub keys: Range<u16>,
    pub shape: ListShape,
    /// Members whose key begins so; all when empty.
    pub prefix: &'static str,
    /// A row without anything.
    pub blank: Range<u32>,
}

/// The tree of a kind.
#[derive(Debug, Default)]
pub struct Selector {
    nodes: Vec<Node>,
    keys: Vec<u8>,
    leaves: Vec<Leaf>,
    lists: Vec<Rows>,
    blanks: Vec<u8>,
    /// Where among the blanks the object's own row begins: what is kept, and then what is told.
    root: usize,
    fields: &'static [Field],
}

/// A node that is being put together.
#[derive(Default)]
struct Sprout {
    key: String,
    children: Vec<Sprout>,
    leaves: Vec<Leaf>,
    elements: Option<(u16, ListShape)>,
    members: Vec<(u16, ListShape, &'static str)>,
}

impl Selector {
    /// The tree of these fields.
    ///
    /// # Panics
    /// For a path that is none: a mistake of ours, which any test finds.
    pub fn new(fields: &'static [Field]) -> Self {
        let mut selector = Selector { fields, ..Selector::default() };
        selector.nodes.push(Node::EMPTY);
        selector.grow(0, &sprout([fields, TOLD]));
        selector.root = selector.blanks.len();
        selector.blank(fields);
        selector.blank(TOLD);
        selector
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> u64 {
        let bytes = self.nodes.capacity() * size_of::<Node>()
            + self.keys.capacity()
            + self.leaves.capacity() * size_of::<Leaf>()
            + self.lists.capacity() * size_of::<Rows>()
            + self.blanks.capacity();
        bytes as u64
    }

    pub(super) const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    pub(super) fn node(&self, node: u16) -> &Node {
        &self.nodes[usize::from(node)]
    }

    pub(super) fn leaves(&self, range: &Range<u16>) -> &[Leaf] {
        &self.leaves[usize::from(range.start)..usize::from(range.end)]
    }

    pub(super) fn list(&self, list: u16) -> &Rows {
        &self.lists[usize::from(list)]
    }

    /// A row of the list without anything; of the object itself for [`NONE`].
    pub(super) fn blank_of(&self, list: u16) -> &[u8] {
        if list == NONE {
            return &self.blanks[self.root..];
        }
        let Range { start, end } = self.list(list).blank;
        &self.blanks[start as usize..end as usize]
    }

    /// The member with this key.
    pub(super) fn child(&self, node: u16, key: &[u8]) -> Option<u16> {
        let node = self.node(node);
        if node.lengths >> key.len().min(63) & 1 == 0 {
            return None;
        }
        node.children.clone().find(|child| {
            let Range { start, end } = self.node(*child).key;
            self.keys[usize::from(start)..usize::from(end)] == *key
        })
    }

    fn grow(&mut self, place: u16, sprout: &Sprout) {
        let place = usize::from(place);
        self.nodes[place].leaves = self.add_leaves(&sprout.leaves);
        if let Some((at, shape)) = sprout.elements {
            self.nodes[place].elements = self.add_list(at, shape, "");
        }
        let first = number(self.lists.len());
        // The lists of a node's members are neighbours: they are all added before what is below them.
        for (at, shape, prefix) in &sprout.members {
            self.reserve_list(*at, *shape, prefix);
        }
        self.nodes[place].members = first..number(self.lists.len());
        for list in first..number(self.lists.len()) {
            self.fill_list(list);
        }
        let first = number(self.nodes.len());
        for child in &sprout.children {
            let start = number(self.keys.len());
            self.keys.extend_from_slice(child.key.as_bytes());
            self.nodes.push(Node { key: start..number(self.keys.len()), ..Node::EMPTY });
            self.nodes[place].lengths |= 1 << child.key.len().min(63);
        }
        self.nodes[place].children = first..number(self.nodes.len());
        for (child, place) in sprout.children.iter().zip(first..) {
            self.grow(place, child);
        }
    }

    fn add_leaves(&mut self, leaves: &[Leaf]) -> Range<u16> {
        let first = number(self.leaves.len());
        self.leaves.extend_from_slice(leaves);
        first..number(self.leaves.len())
    }

    fn add_list(&mut self, at: u16, shape: ListShape, prefix: &'static str) -> u16 {
        let list = self.reserve_list(at, shape, prefix);
        self.fill_list(list);
        list
    }

    fn reserve_list(&mut self, at: u16, shape: ListShape, prefix: &'static str) -> u16 {
        let list = number(self.lists.len());
        self.lists.push(Rows { at, root: NONE, keys: 0..0, shape, prefix, blank: 0..0 });
        list
    }

    fn fill_list(&mut self, list: u16) {
        let fields = self.list(list).shape.fields;
        let keys: Vec<Leaf> =
            slots([fields, &[]]).filter(|(path, _)| *path == "@key").map(|(_, leaf)| leaf).collect();
        let keys = self.add_leaves(&keys);
        let start = self.blanks.len();
        self.blank(fields);
        let root = number(self.nodes.len());
        self.nodes.push(Node::EMPTY);
        self.grow(root, &sprout([fields, &[]]));
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let end = start + self.list(list).shape.row_bytes;
        let rows = &mut self.lists[usize::from(list)];
        (rows.root, rows.keys, rows.blank) = (root, keys, place(start)..place(end));
    }

    fn blank(&mut self, fields: &[Field]) {
        for field in fields {
            let absent = super::row::ABSENT.to_le_bytes();
            match field.shape {
                Shape::Int | Shape::Time => self.blanks.extend(absent),
                Shape::Quantity => self.blanks.extend(absent.into_iter().chain([0])),
                other => self.blanks.extend(std::iter::repeat_n(0, other.bytes())),
            }
        }
    }
}

impl Node {
    const EMPTY: Node =
        Node { key: 0..0, children: 0..0, lengths: 0, leaves: 0..0, elements: NONE, members: 0..0 };
}

fn number(length: usize) -> u16 {
    match u16::try_from(length) {
        Ok(number) if number < NONE => number,
        _ => panic!("a kind has too many fields"),
    }
}

/// Paths and slots of fields, one list behind the other.
fn slots(fields: [&'static [Field]; 2]) -> impl Iterator<Item = (&'static str, Leaf)> {
    fields.into_iter().flatten().scan(0, |next, field| {
        let at = number(*next);
        *next += field.shape.bytes();
        Some((field.path, Leaf { at, shape: field.shape }))
    })
}

fn sprout(fields: [&'static [Field]; 2]) -> Sprout {
    let mut root = Sprout::default();
    for (path, leaf) in slots(fields) {
        if path == "@key" {
            continue;
        }
        let mut node = &mut root;
        let mut prefix = "";
        let mut array = false;
        for step in steps(path) {
            match step {
                Step::Key(key) => node = node.member(key),
                Step::Prefix(keys) => prefix = keys,
                Step::Elements => array = true,
            }
        }
        match leaf.shape {
            Shape::List(shape) if array => {
                assert!(node.elements.is_none(), "an array has one list: {path}");
                node.elements = Some((leaf.at, shape));
            }
            Shape::List(shape) => node.members.push((leaf.at, shape, prefix)),
            _ => node.leaves.push(leaf),
        }
    }
    root
}

impl Sprout {
    fn member(&mut self, key: &str) -> &mut Sprout {
        let known = self.children.iter().position(|child| child.key == key);
        let place = known.unwrap_or_else(|| {
            self.children.push(Sprout { key: key.to_owned(), ..Sprout::default() });
            self.children.len() - 1
        });
        &mut self.children[place]
    }
}

enum Step<'a> {
    Key(&'a str),
    /// `["prefix*"]`, at the end.
    Prefix(&'a str),
    /// `[]`, at the end.
    Elements,
}

/// The steps of a path; `@value` has none.
fn steps(path: &'static str) -> impl Iterator<Item = Step<'static>> {
    let mut rest = if path == "@value" { "" } else { path };
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("[]") {
            assert!(after.is_empty(), "what is below an element is a field of its row: {path}");
            rest = "";
            return Some(Step::Elements);
        }
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (key, after) = match quoted.split_once("\"]") {
                Some(parts) => parts,
                None => panic!("a quoted key without an end: {path}"),
            };
            rest = after.strip_prefix('.').unwrap_or(after);
            return Some(match key.strip_suffix('*') {
                Some(prefix) => Step::Prefix(prefix),
                None => Step::Key(key),
            });
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        rest = after.strip_prefix('.').unwrap_or(after);
        Some(Step::Key(key))
    })
}

/// Does a member of an object make a row of the list?
pub(super) fn is_member(
    rows: &Rows,
    key: &[u8],
    allows: impl Fn(super::field::Allowed, &[u8]) -> bool,
) -> bool {
    match rows.shape.of {
        Of::Label { allowed, .. } => allows(allowed, key),
        Of::Element | Of::Sparse => key.starts_with(rows.prefix.as_bytes()),
    }
}
