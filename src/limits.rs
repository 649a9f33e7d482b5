//! The maxima from which memory is planned; each is a flag, most of them `-limit.<name>`.

use crate::flags::{Flag, FlagKind, Flags};

/// Declares the limits once: field, default, smallest and largest value, help.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident: $flag:literal = $default:literal, $min:literal..=$max:literal;)+) => {
        /// How many of each thing fit. Built from flags, read by every plan.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits { $($(#[doc = $doc])+ pub $field: u32,)+ }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($field: $default,)+ }
            }
        }

        impl Limits {
            /// The limits that the command line says.
            ///
            /// # Panics
            /// When `LIMIT_FLAGS` were not among the tables that were parsed.
            pub fn from_flags(flags: &Flags) -> Self {
                // The range of the flag lies within 32 bits: the largest value stands for what cannot be.
                Limits { $($field: u32::try_from(flags.int($flag)).unwrap_or($max),)+ }
            }

            /// Each flag, and the limits with one more of it: to see which flags something depends on.
            pub fn raised(&self) -> impl Iterator<Item = (&'static str, Limits)> {
                [$(($flag, Limits { $field: self.$field.saturating_add(1), ..*self }),)+].into_iter()
            }
        }

        /// All limits as flags, in the order of the plan.
        pub const LIMIT_FLAGS: &[Flag] = &[$(Flag {
            name: $flag,
            kind: FlagKind::Int { min: $min, max: $max },
            default: stringify!($default),
            help: concat!($($doc),+),
        },)+];
    };
}

limits! {
    /// CPUs; 0 takes the number of possible CPUs of the machine.
    cpus: "limit.cpus" = 0, 0..=8192;
    /// Network devices.
    net_devices: "limit.netDevices" = 256, 1..=65536;
    /// Block devices.
    disks: "limit.disks" = 128, 1..=16384;
    /// Mounted file systems, after the filters.
    mounts: "limit.mounts" = 512, 1..=16384;
    /// Devices of each kind that a machine has few of: thermal zones, power supplies, md arrays, bonds, NVMe, NUMA nodes.
    small_devices: "limit.smallDevices" = 64, 1..=4096;
    /// Readings of hardware sensors.
    sensors: "limit.sensors" = 512, 1..=65536;
    /// Different metric names of hardware sensors.
    sensor_families: "limit.sensorFamilies" = 128, 1..=4096;
    /// Series from textfiles.
    textfile_series: "limit.textfileSeries" = 1024, 1..=1000000;
    /// Different metric names in textfiles.
    textfile_families: "limit.textfileFamilies" = 256, 1..=65534;
    /// Interrupt lines, slab caches and memory zones.
    kernel_rows: "limit.kernelRows" = 512, 1..=65534;
    /// Frames in the ring of each part.
    frames: "limit.frames" = 3, 2..=64;
    /// Files below /sys that are held open.
    held_files: "limit.heldFiles" = 512, 0..=65536;
    /// Control groups, pods and QoS classes included.
    groups: "container.max" = 1024, 1..=65536;
    /// Files of control groups that are held open; what is over it is opened for every read.
    held_group_files: "limit.heldGroupFiles" = 8192, 0..=1000000;
    /// Disks that control groups have used, each once per group.
    group_disks: "limit.containerDisks" = 2048, 1..=1048576;
    /// Network devices of control groups: a pod has few, one that uses the machine's network repeats all of the machine's.
    group_interfaces: "limit.containerInterfaces" = 2048, 1..=1048576;
    /// Objects of the Kubernetes API, of all kinds together.
    objects: "limit.objects" = 16384, 16..=16777216;
    /// Different names, labels, images and other texts that objects share.
    object_names: "limit.objectNames" = 65536, 64..=16777216;
    /// KiB for what is kept of objects; a pod of two containers takes about one.
    object_kib: "limit.objectKiB" = 24576, 64..=4000000;
    /// Connections served at the same time.
    connections: "limit.connections" = 32, 1..=4096;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_limits_have_the_same_defaults() {
        assert_eq!(Limits::from_flags(&Flags::defaults(&[LIMIT_FLAGS])), Limits::default());
    }

    #[test]
    fn a_flag_sets_its_limit() {
        let mut flags = Flags::defaults(&[LIMIT_FLAGS]);
        flags.set("limit.disks", "16");
        assert_eq!(Limits::from_flags(&flags), Limits { disks: 16, ..Limits::default() });
    }
}
