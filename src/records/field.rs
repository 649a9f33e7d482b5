//! Fields of an object: where they are in its JSON, and how wide they are in a record. [`record!`](crate::record)
//! declares both once, together with the names by which code reads them.
//!
//! A record is a row of fixed-width slots, then the rows of its lists, then texts. Slots hold, little-endian:
//!
//! | type | slot | absent |
//! | --- | --- | --- |
//! | [`Name`], interned | place in the heap, 4 bytes | 0 |
//! | [`Text`], the record's own | place in the record, 4 bytes | 0 |
//! | [`Int`], [`Time`] | 8 bytes | the smallest number |
//! | [`Quantity`] | mantissa and decimals, 9 bytes | the smallest mantissa |
//! | [`Flag`] | 1 byte: 1 false, 2 true | 0 |
//! | [`Present`] | 1 byte | 0 |
//! | [`Count`], [`Decoded`] | 4 bytes | 0 |
//! | [`List`], [`Labels`] | place of the first row, 4 bytes; rows, 2 bytes | 0 rows |

use super::row::{Row, Rows};
use crate::text::label_name::LABELS_MAX;
use crate::text::quantity;

/// What a slot holds, as the code that fills it sees it.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Name,
    Text,
    Int,
    Time,
    Quantity,
    Flag,
    Present,
    Count,
    Decoded,
    List(ListShape),
}

/// Rows below a row.
#[derive(Clone, Copy, Debug)]
pub struct ListShape {
    pub fields: &'static [Field],
    pub row_bytes: usize,
    /// More rows than this are left out and counted.
    pub max: u16,
    pub of: Of,
}

/// What makes a row of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An element of an array; or a member of an object, if the row has a field `@key`.
    Element,
    /// The same, but it is kept only if another field than its first is there.
    Sparse,
    /// A member of an object whose key is allowed: its first field is the label name that the key makes.
    Label { prefix: &'static str, allowed: Allowed },
}

/// Which keys become labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    All,
    /// Those that `--metric-labels-allowlist` says.
    Labels,
    /// Those that `--metric-annotations-allowlist` says.
    Annotations,
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Keys from the object, or from the row's element: `spec.replicas`, `metadata.annotations["a.b/c"]`. `@key` is the
    /// key of a member, `@value` the element itself.
    pub path: &'static str,
    pub shape: Shape,
}

impl Shape {
    /// Bytes of the slot.
    pub const fn bytes(self) -> usize {
        match self {
            Shape::Name | Shape::Text | Shape::Count | Shape::Decoded => 4,
            Shape::Int | Shape::Time => 8,
            Shape::Quantity => 9,
            Shape::Flag | Shape::Present => 1,
            Shape::List(_) => 6,
        }
    }
}

/// Bytes of a row.
pub const fn row_bytes(fields: &[Field]) -> usize {
    offset(fields, fields.len())
}

/// Where a field's slot begins in its row.
pub const fn offset(fields: &[Field], index: usize) -> usize {
    let (mut at, mut before) = (0, 0);
    while before < index {
        at += fields[before].shape.bytes();
        before += 1;
    }
    at
}

/// A type of field: what it is called in [`record!`](crate::record) and what reading it gives.
pub trait Slot {
    const SHAPE: Shape;
    type Out<'a>;

    /// Reads the slot at this place of the row.
    fn read(row: Row<'_>, at: usize) -> Self::Out<'_>;
}

/// What [`record!`](crate::record) declares.
pub trait Schema {
    const FIELDS: &'static [Field];
    type At<'a>;

    fn at(row: Row<'_>) -> Self::At<'_>;
}

/// Declares the types of fields that a slot has alone.
macro_rules! slots {
    ($($(#[doc = $doc:literal])+ $name:ident -> $out:ty = $read:expr;)+) => {
        $($(#[doc = $doc])+
        pub struct $name;

        impl Slot for $name {
            const SHAPE: Shape = Shape::$name;
            type Out<'a> = $out;

            fn read(row: Row<'_>, at: usize) -> Self::Out<'_> {
                $read(row, at)
            }
        })+
    };
}

slots! {
    /// Text that many objects share, escaped as label values are; `null` and what is no string are absent.
    Name -> Option<&'a [u8]> = Row::name;
    /// Text that is this object's alone, escaped as label values are.
    Text -> Option<&'a [u8]> = Row::text;
    /// A whole number of 64 bits.
    Int -> Option<i64> = Row::int;
    /// RFC 3339, as seconds since the epoch; fractions are cut.
    Time -> Option<i64> = Row::int;
    /// A number with a unit, `100m` or `1Gi`.
    Quantity -> Option<quantity::Quantity> = Row::quantity;
    /// `true` or `false`.
    Flag -> Option<bool> = Row::flag;
    /// Is there anything but `null`?
    Present -> bool = Row::present;
    /// Elements of an array.
    Count -> u32 = Row::count;
    /// Bytes that a base64 text stands for.
    Decoded -> u32 = Row::count;
}

/// At most `MAX` rows of `T`, one for each element of an array or member of an object.
pub struct List<T, const MAX: u16>(std::marker::PhantomData<T>);

impl<T: Schema, const MAX: u16> Slot for List<T, MAX> {
    const SHAPE: Shape = rows_of(T::FIELDS, MAX, Of::Element);
    type Out<'a> = Rows<'a, T>;

    fn read(row: Row<'_>, at: usize) -> Rows<'_, T> {
        row.rows(at)
    }
}

/// The same, but rows with nothing but their first field are not kept and do not count.
pub struct Sparse<T, const MAX: u16>(std::marker::PhantomData<T>);

impl<T: Schema, const MAX: u16> Slot for Sparse<T, MAX> {
    const SHAPE: Shape = rows_of(T::FIELDS, MAX, Of::Sparse);
    type Out<'a> = Rows<'a, T>;

    fn read(row: Row<'_>, at: usize) -> Rows<'_, T> {
        row.rows(at)
    }
}

const fn rows_of(fields: &'static [Field], max: u16, of: Of) -> Shape {
    Shape::List(ListShape { fields, row_bytes: row_bytes(fields), max, of })
}

crate::record! {
    /// A label of an object that becomes a label of a series.
    pub struct Label {
        name: Name = "@key",
        value: Name = "@value",
    }
}

crate::record! {
    /// A text of an array, which is the object's alone.
    pub struct Item {
        text: Text = "@value",
    }
}

/// Declares what makes labels of members.
macro_rules! labels {
    ($($(#[doc = $doc:literal])+ $name:ident = $prefix:literal, $allowed:expr;)+) => {
        $($(#[doc = $doc])+
        pub struct $name;

        impl Slot for $name {
            const SHAPE: Shape =
                rows_of(Label::FIELDS, LABELS_MAX, Of::Label { prefix: $prefix, allowed: $allowed });
            type Out<'a> = Rows<'a, Label<'static>>;

            fn read(row: Row<'_>, at: usize) -> Self::Out<'_> {
                row.rows(at)
            }
        })+
    };
}

labels! {
    /// `label_*` of the keys that `--metric-labels-allowlist` allows.
    AllowedLabels = "label_", Allowed::Labels;
    /// `annotation_*` of the keys that `--metric-annotations-allowlist` allows.
    AllowedAnnotations = "annotation_", Allowed::Annotations;
    /// `label_*` of all keys.
    AllLabels = "label_", Allowed::All;
    /// `nodeselector_*` of all keys.
    SelectorLabels = "nodeselector_", Allowed::All;
    /// `metadata_*` of all keys.
    MetadataLabels = "metadata_", Allowed::All;
}

/// Declares a record or the rows of a list: what is kept, where it is in the JSON, and how code reads it.
///
/// ```
/// trimeter::record! {
///     /// What is kept of a pod's toleration.
///     pub struct Toleration {
///         key: Name = "key",
///         seconds: Int = "tolerationSeconds",
///     }
/// }
/// trimeter::record! {
///     /// What is kept of a pod.
///     pub object Pod {
///         node: Name = "spec.nodeName",
///         tolerations: List<Toleration, 32> = "spec.tolerations[]",
///     }
/// }
/// ```
///
/// An `object` begins with the fields of [`Meta`].
#[macro_export]
macro_rules! record {
    ($(#[doc = $doc:literal])+ $visibility:vis object $name:ident { $($fields:tt)* }) => {
        $crate::record! {
            $(#[doc = $doc])+
            $visibility struct $name {
                uid: Text = "metadata.uid",
                namespace: Name = "metadata.namespace",
                name: Text = "metadata.name",
                $($fields)*
            }
        }
    };
    ($(#[doc = $doc:literal])+ $visibility:vis struct $name:ident {
        $($field:ident: $slot:ident $(<$row:ident, $max:literal>)? = $path:literal,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy)]
        #[allow(dead_code, reason = "the fields that every object has are not of use to every kind")]
        $visibility struct $name<'a>(pub $crate::records::Row<'a>);

        #[allow(dead_code, reason = "the fields that every object has are not of use to every kind")]
        const _: () = {
            #[allow(non_camel_case_types, reason = "named as the fields are")]
            enum Place { $($field,)+ }

            const FIELDS: &[$crate::records::field::Field] = &[$($crate::records::field::Field {
                path: $path,
                shape: <$crate::record!(@type $slot $(<$row, $max>)?) as $crate::records::field::Slot>::SHAPE,
            },)+];

            impl $crate::records::field::Schema for $name<'_> {
                const FIELDS: &'static [$crate::records::field::Field] = FIELDS;
                type At<'a> = $name<'a>;

                fn at(row: $crate::records::Row<'_>) -> $name<'_> {
                    $name(row)
                }
            }

            impl<'a> $name<'a> {
                $(#[doc = concat!("`", $path, "`")]
                pub fn $field(self)
                    -> <$crate::record!(@type $slot $(<$row, $max>)?) as $crate::records::field::Slot>::Out<'a>
                {
                    const AT: usize = $crate::records::field::offset(FIELDS, Place::$field as usize);
                    <$crate::record!(@type $slot $(<$row, $max>)?) as $crate::records::field::Slot>::read(self.0, AT)
                })+
            }
        };
    };
    (@type $slot:ident) => { $crate::records::field::$slot };
    (@type $slot:ident<$row:ident, $max:literal>) => { $crate::records::field::$slot<$row<'static>, $max> };
}

record! {
    /// What a record begins with, of whatever kind it is.
    pub object Meta {}
}

/// What is looked for in an object while it is read and not kept: which change it is, and what a server says in place of
/// one.
pub(super) const TOLD: &[Field] = &[
    Field { path: "metadata.resourceVersion", shape: Shape::Text },
    Field { path: "metadata.annotations[\"k8s.io/initial-events-end\"]", shape: Shape::Text },
    Field { path: "code", shape: Shape::Int },
];
