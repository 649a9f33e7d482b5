//! What the API server puts around objects: lists with their version and the token for the rest, and events of watches.
//! Members may come in any order; objects go to a scratch and are handed on as soon as it is known what they are.

use crate::base::text::Text;
use crate::json::{Sink, Want};
use crate::records::Scratch;

/// A resourceVersion. Servers write numbers; what is longer is taken for absent.
pub type Version = Text<64>;

/// A token that continues a list; servers write some hundred bytes.
pub type Continue = Text<2048>;

/// What an object comes as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// As an element of a list.
    Listed,
    Added,
    Modified,
    Deleted,
    Bookmark,
    /// A Status in the place of an object.
    Error,
    /// Of a type that is not known.
    Other,
}

impl Event {
    /// The types of a watch's events as they are counted, and the one that stands for every other.
    pub const ALL: [(Event, &'static str); 6] = [
        (Event::Added, "ADDED"),
        (Event::Modified, "MODIFIED"),
        (Event::Deleted, "DELETED"),
        (Event::Bookmark, "BOOKMARK"),
        (Event::Error, "ERROR"),
        (Event::Other, "other"),
    ];

    /// The place among [`Self::ALL`]; none for what comes in a list.
    pub fn index(self) -> Option<usize> {
        Self::ALL.iter().position(|(event, _)| *event == self)
    }

    fn of(word: &[u8]) -> Self {
        let known = Self::ALL.iter().find(|(_, known)| known.as_bytes() == word);
        known.map_or(Event::Other, |(event, _)| *event)
    }
}

/// Which of the two is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    List,
    Watch,
}

/// Where the tokens are in the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Outside,
    Root,
    /// In a list's metadata.
    Metadata,
    /// In a list's items.
    Items,
}

/// What the next value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Unknown,
    Type,
    Version,
    Continue,
    Metadata,
    Items,
    /// It goes to the scratch.
    Object,
}

/// What is known of the envelope so far.
#[derive(Debug)]
pub struct Envelope {
    form: Form,
    at: At,
    next: Next,
    /// Objects and arrays that are open in the object that goes to the scratch.
    inside: u32,
    /// Objects and arrays that are open where something else was to be expected.
    astray: u32,
    has_object: bool,
    event: Option<Event>,
    word: Text<16>,
    /// A list's own version.
    pub version: Version,
    /// The token of the rest of a list; empty: that was all.
    pub rest: Continue,
    /// A version or token was too long for its place: it is of no use.
    pub cut: bool,
}

impl Envelope {
    pub const fn new(form: Form) -> Self {
        Envelope {
            form,
            at: At::Outside,
            next: Next::Unknown,
            inside: 0,
            astray: 0,
            has_object: false,
            event: None,
            word: Text::new(),
            version: Text::new(),
            rest: Text::new(),
            cut: false,
        }
    }
}

/// Reads an envelope: a sink for the tokens of one value, which hands objects on.
pub struct Reading<'a, F> {
    pub envelope: &'a mut Envelope,
    pub scratch: &'a mut Scratch,
    /// Is told of every object when all of it is in the scratch.
    pub take: F,
}

impl<F: FnMut(Event, &Scratch)> Reading<'_, F> {
    /// Begins an object or array of the envelope; is it in the object for the scratch?
    fn open(&mut self, array: bool) -> bool {
        let envelope = &mut *self.envelope;
        let next = std::mem::replace(&mut envelope.next, Next::Unknown);
        match (next, array) {
            _ if envelope.inside > 0 => envelope.inside += 1,
            (Next::Object, false) => envelope.inside = 1,
            (Next::Metadata, false) => envelope.at = At::Metadata,
            (Next::Items, true) => envelope.at = At::Items,
            // The envelope itself.
            (Next::Unknown, false) if envelope.at == At::Outside => envelope.at = At::Root,
            (next, _) => {
                envelope.has_object &= next != Next::Object;
                envelope.astray += 1;
            }
        }
        self.envelope.inside > 0
    }

    /// Ends one; was it in the object for the scratch?
    fn close(&mut self) -> bool {
        let envelope = &mut *self.envelope;
        if envelope.inside > 0 {
            envelope.inside -= 1;
            return true;
        }
        match envelope.at {
            _ if envelope.astray > 0 => envelope.astray -= 1,
            At::Root | At::Outside => envelope.at = At::Outside,
            At::Metadata | At::Items => envelope.at = At::Root,
        }
        if envelope.at == At::Outside && envelope.form == Form::Watch {
            let event = envelope.event.take().unwrap_or(Event::Other);
            if std::mem::take(&mut envelope.has_object) {
                (self.take)(event, self.scratch);
            }
        }
        false
    }

    /// Hands the object of a list on when it is at its end.
    fn after_object(&mut self) {
        if self.envelope.inside == 0 && self.envelope.form == Form::List {
            (self.take)(Event::Listed, self.scratch);
        }
    }

    /// The value that has come is neither an object nor an array.
    fn end_value(&mut self) {
        let envelope = &mut *self.envelope;
        envelope.has_object &= envelope.next != Next::Object;
        envelope.next = Next::Unknown;
    }

    fn expect_object(&mut self) {
        self.scratch.begin();
        self.envelope.next = Next::Object;
        self.envelope.has_object = true;
    }
}

impl<F: FnMut(Event, &Scratch)> Sink for Reading<'_, F> {
    fn key(&mut self, key: &[u8], long: bool) -> Want {
        if self.envelope.inside > 0 {
            return self.scratch.key(key, long);
        }
        let envelope = &mut *self.envelope;
        envelope.next = match (envelope.form, envelope.at, key) {
            _ if envelope.astray > 0 => return Want::Skip,
            (Form::Watch, At::Root, b"type") => Next::Type,
            (Form::Watch, At::Root, b"object") => Next::Object,
            (Form::List, At::Root, b"metadata") => Next::Metadata,
            (Form::List, At::Root, b"items") => Next::Items,
            (Form::List, At::Metadata, b"resourceVersion") => Next::Version,
            (Form::List, At::Metadata, b"continue") => Next::Continue,
            _ => return Want::Skip,
        };
        // Of two members with one name, the last is taken.
        match envelope.next {
            Next::Type => envelope.word.clear(),
            Next::Version => envelope.version.clear(),
            Next::Continue => envelope.rest.clear(),
            Next::Object => self.expect_object(),
            Next::Unknown | Next::Metadata | Next::Items => {}
        }
        Want::Take
    }

    fn element(&mut self) -> Want {
        if self.envelope.inside > 0 {
            return self.scratch.element();
        }
        if self.envelope.at != At::Items || self.envelope.astray > 0 {
            return Want::Skip;
        }
        self.expect_object();
        Want::Take
    }

    fn begin_object(&mut self) {
        if self.open(false) {
            self.scratch.begin_object();
        }
    }

    fn end_object(&mut self) {
        if self.close() {
            self.scratch.end_object();
            self.after_object();
        }
    }

    fn begin_array(&mut self) {
        if self.open(true) {
            self.scratch.begin_array();
        }
    }

    fn end_array(&mut self) {
        if self.close() {
            self.scratch.end_array();
            self.after_object();
        }
    }

    fn string_part(&mut self, piece: &[u8]) {
        let envelope = &mut *self.envelope;
        let pushed = match envelope.next {
            _ if envelope.inside > 0 => return self.scratch.string_part(piece),
            Next::Type => envelope.word.push(piece),
            Next::Version => envelope.version.push(piece),
            Next::Continue => envelope.rest.push(piece),
            Next::Unknown | Next::Metadata | Next::Items | Next::Object => Ok(()),
        };
        envelope.cut |= pushed.is_err();
    }

    fn string_end(&mut self) {
        let envelope = &mut *self.envelope;
        if envelope.inside > 0 {
            return self.scratch.string_end();
        }
        if envelope.next == Next::Type {
            envelope.event = Some(Event::of(envelope.word.as_bytes()));
        }
        self.end_value();
    }

    fn number(&mut self, text: &[u8]) {
        if self.envelope.inside > 0 {
            self.scratch.number(text);
        }
        self.end_value();
    }

    fn boolean(&mut self, value: bool) {
        if self.envelope.inside > 0 {
            self.scratch.boolean(value);
        }
        self.end_value();
    }

    fn null(&mut self) {
        if self.envelope.inside > 0 {
            self.scratch.null();
        }
        self.end_value();
    }
}

#[cfg(test)]
mod tests;
