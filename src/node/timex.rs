//! The kernel's clock discipline: adjtimex(2).

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::ReadError;
use crate::stateless;

pub const COLLECTOR: Collector = Collector {
    name: "timex",
    default: true,
    files: &[],
    tables: &[Table::single("timex", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// A number of seconds that is kept in nanoseconds.
const fn nanos(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).signed().decimals(9)
}

/// A number of seconds that the kernel gives in microseconds whatever STA_NANO says.
const fn micros(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).signed().decimals(6)
}

const FAMILIES: &[Family] = &[
    micros("esterror", "node_timex_estimated_error_seconds", "Error that the clock discipline estimates.")
        .essential(),
    gauge("node_timex_frequency_adjustment_ratio", "Rate of the system clock against the hardware's.")
        .key("freq")
        .float()
        .essential(),
    gauge("node_timex_loop_time_constant", "Time constant of the phase-locked loop.")
        .key("constant")
        .signed()
        .essential(),
    micros("maxerror", "node_timex_maxerror_seconds", "Largest error the clock may have.").essential(),
    nanos("offset", "node_timex_offset_seconds", "Offset between the clock and its reference.").essential(),
    counter("node_timex_pps_calibration_total", "Calibration intervals of the pulse per second.")
        .key("calcnt")
        .essential(),
    counter("node_timex_pps_error_total", "Calibration errors of the pulse per second.")
        .key("errcnt")
        .essential(),
    gauge("node_timex_pps_frequency_hertz", "Frequency offset of the pulse per second.")
        .key("ppsfreq")
        .float()
        .essential(),
    nanos("jitter", "node_timex_pps_jitter_seconds", "Jitter of the pulse per second.").essential(),
    counter("node_timex_pps_jitter_total", "Times the pulse per second passed its jitter limit.")
        .key("jitcnt")
        .essential(),
    gauge("node_timex_pps_shift_seconds", "Length of the calibration interval of the pulse per second.")
        .key("shift")
        .signed()
        .essential(),
    counter(
        "node_timex_pps_stability_exceeded_total",
        "Times the pulse per second passed its stability limit.",
    )
    .key("stbcnt")
    .essential(),
    gauge("node_timex_pps_stability_hertz", "Mean of the recent frequency changes of the pulse per second.")
        .key("stabil")
        .float()
        .essential(),
    gauge("node_timex_status", "Status bits STA_* of the clock discipline.").key("status").signed(),
    gauge("node_timex_sync_status", "Is the clock synchronised: 1 yes, 0 no.").key("sync").essential(),
    gauge("node_timex_tai_offset_seconds", "International Atomic Time minus UTC.")
        .key("tai")
        .signed()
        .essential(),
    micros("tick", "node_timex_tick_seconds", "Time between two clock ticks.").essential(),
];
const _: () = check(FAMILIES);

/// The return value of adjtimex(2) for a clock that is not synchronised.
const TIME_ERROR: i32 = 5;
/// The bit of `status` that says `offset` and `jitter` are in nanoseconds, not microseconds.
const STA_NANO: i32 = 0x2000;
/// Frequencies are in parts per million with 16 bits after the point.
const FREQUENCY_UNIT: f64 = 1_000_000.0 * 65_536.0;

#[expect(clippy::cast_precision_loss, reason = "a frequency of the kernel has 42 bits at most")]
fn frequency(scaled: i64) -> f64 {
    scaled as f64 / FREQUENCY_UNIT
}

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    // Container runtimes forbid the call without CAP_SYS_TIME; that is no fault of the machine.
    let timex = pass.io.timex().map_err(|error| match error {
        ReadError::Denied => Trouble::NoData,
        other => Trouble::from(other),
    })?;
    let mut row = pass.out.single(0);
    let nanos = |value: i64| if timex.status & STA_NANO == 0 { value.checked_mul(1000) } else { Some(value) };
    row.set_signed("esterror", timex.esterror);
    row.set_float("freq", 1.0 + frequency(timex.freq));
    row.set_signed("constant", timex.constant);
    row.set_signed("maxerror", timex.maxerror);
    let mut malformed = 0;
    for (key, value) in [("offset", timex.offset), ("jitter", timex.jitter)] {
        match nanos(value) {
            Some(value) => {
                row.set_signed(key, value);
            }
            None => malformed += 1,
        }
    }
    let counts = [
        ("calcnt", timex.calcnt),
        ("errcnt", timex.errcnt),
        ("jitcnt", timex.jitcnt),
        ("stbcnt", timex.stbcnt),
    ];
    for (key, value) in counts {
        match u64::try_from(value) {
            Ok(value) => {
                row.set(key, value);
            }
            Err(_) => malformed += 1,
        }
    }
    row.set_float("ppsfreq", frequency(timex.ppsfreq));
    row.set_signed("shift", i64::from(timex.shift));
    row.set_float("stabil", frequency(timex.stabil));
    row.set_signed("status", i64::from(timex.status));
    row.set("sync", u64::from(timex.state != TIME_ERROR));
    row.set_signed("tai", i64::from(timex.tai));
    row.set_signed("tick", timex.tick);
    pass.out.malformed_by(malformed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::io::Timex;
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, failing};

    fn lines(timex: Timex) -> String {
        let mut machine = Replay::new();
        machine.timex = Some(timex);
        let (result, text) = Bench::new("timex", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        text
    }

    #[test]
    fn nanoseconds_and_microseconds() {
        let timex = Timex { offset: -1500, jitter: 7, maxerror: 123_456, tick: 10_000, ..Timex::default() };
        let text = lines(timex);
        assert!(text.contains("node_timex_offset_seconds -0.0015\n"), "{text}");
        assert!(text.contains("node_timex_pps_jitter_seconds 0.000007\n"), "{text}");
        assert!(text.contains("node_timex_maxerror_seconds 0.123456\n"), "{text}");
        assert!(text.contains("node_timex_tick_seconds 0.01"), "{text}");
        let text = lines(Timex { status: 0x2001, ..timex });
        assert!(text.contains("node_timex_offset_seconds -0.0000015\n"), "{text}");
        assert!(text.contains("node_timex_status 8193\n"), "{text}");
        assert!(text.contains("node_timex_maxerror_seconds 0.123456\n"), "{text}");
    }

    #[test]
    fn frequencies_are_ratios_and_state_5_is_not_synchronised() {
        let text =
            lines(Timex { freq: 65_536, ppsfreq: 6_553_600_000, state: 5, tai: 37, ..Timex::default() });
        assert!(text.contains("node_timex_frequency_adjustment_ratio 1.000001\n"), "{text}");
        assert!(text.contains("node_timex_pps_frequency_hertz 0.1\n"), "{text}");
        assert!(text.contains("node_timex_sync_status 0\n"), "{text}");
        assert!(text.contains("node_timex_tai_offset_seconds 37\n"), "{text}");
        assert_eq!(text.lines().count(), 17);
        assert!(lines(Timex::default()).contains("node_timex_sync_status 1\n"));
    }

    #[test]
    fn numbers_that_do_not_fit_are_missing() {
        let text = lines(Timex { offset: i64::MAX, jitter: i64::MIN, errcnt: -1, ..Timex::default() });
        assert_eq!(text.lines().count(), 14, "{text}");
    }

    #[test]
    fn a_forbidden_call_is_no_data() {
        failing("timex", &[], "no_data", "");
    }
}
