//! The maxima from which memory is planned; each is a flag `-limit.<name>`.

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

        /// A limit as a flag.
        pub struct LimitFlag {
            pub flag: &'static str,
            pub default: u32,
            pub min: u32,
            pub max: u32,
            pub help: &'static str,
            pub field: fn(&mut Limits) -> &mut u32,
        }

        /// All limits in the order of the plan.
        pub const LIMIT_FLAGS: &[LimitFlag] = &[$(LimitFlag {
            flag: $flag,
            default: $default,
            min: $min,
            max: $max,
            help: concat!($($doc),+),
            field: |limits| &mut limits.$field,
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
    mounts: "limit.mounts" = 256, 1..=16384;
    /// Devices of each kind that a machine has few of: thermal zones, power supplies, md arrays, bonds, NVMe, NUMA nodes.
    small_devices: "limit.smallDevices" = 64, 1..=4096;
    /// Readings of hardware sensors.
    sensors: "limit.sensors" = 512, 1..=65536;
    /// Different metric names of hardware sensors.
    sensor_families: "limit.sensorFamilies" = 128, 1..=4096;
    /// Series from textfiles.
    textfile_series: "limit.textfileSeries" = 1024, 1..=1000000;
    /// Different metric names in textfiles.
    textfile_families: "limit.textfileFamilies" = 256, 1..=100000;
    /// Interrupt lines, slab caches and memory zones.
    kernel_rows: "limit.kernelRows" = 512, 1..=65536;
    /// Frames in the ring of each part.
    frames: "limit.frames" = 3, 2..=64;
    /// Files below /sys that are held open.
    held_files: "limit.heldFiles" = 512, 0..=65536;
    /// Connections served at the same time.
    connections: "limit.connections" = 32, 1..=4096;
}
