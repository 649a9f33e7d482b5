//! Log lines to standard error: VictoriaMetrics' default text or JSON, put together on the stack.

use super::clock;
use super::text::Text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use std::fmt::{self, Write as _};
use std::panic::Location;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Levels of `-loggerLevel`, least urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info = 0,
    Warn = 1,
    Error = 2,
    Fatal = 3,
    Panic = 4,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Fatal => "fatal",
            Level::Panic => "panic",
        }
    }
}

static LEVEL: AtomicU8 = AtomicU8::new(0);
static JSON: AtomicU8 = AtomicU8::new(0);
static LINES: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Sets the lowest level that is written and the format. Called once, before the first line.
pub fn configure(level: Level, json: bool) {
    LEVEL.store(level as u8, Relaxed);
    JSON.store(u8::from(json), Relaxed);
}

/// Lines written per level, for the metric about them.
pub fn lines_total(level: Level) -> u64 {
    LINES[level as usize].load(Relaxed)
}

/// Lines that standard error had no room for.
pub fn dropped_total() -> u64 {
    DROPPED.load(Relaxed)
}

#[track_caller]
pub fn info(message: fmt::Arguments<'_>) {
    line(Level::Info, Location::caller(), message);
}

#[track_caller]
pub fn warn(message: fmt::Arguments<'_>) {
    line(Level::Warn, Location::caller(), message);
}

#[track_caller]
pub fn error(message: fmt::Arguments<'_>) {
    line(Level::Error, Location::caller(), message);
}

#[track_caller]
pub fn fatal(message: fmt::Arguments<'_>) {
    line(Level::Fatal, Location::caller(), message);
}

/// One line; a message over 1,800 bytes is cut there.
fn line(level: Level, place: &Location<'_>, message: fmt::Arguments<'_>) {
    if (level as u8) < LEVEL.load(Relaxed) {
        return;
    }
    let mut text = Text::<4096>::new();
    let written = if JSON.load(Relaxed) == 1 {
        json(&mut text, level, place, message)
    } else {
        plain(&mut text, level, place, message)
    };
    if written.is_err() {
        text.truncate(4000);
    }
    let end = text.push("\n");
    debug_assert!(end.is_ok());
    let count =
        if write_at_once(std::io::stderr(), text.as_bytes()) { &LINES[level as usize] } else { &DROPPED };
    count.fetch_add(1, Relaxed);
}

/// Writes a line if there is room for it now: whoever reads the log must not hold up the loop. A pipe that can be written
/// to has room for 4,096 bytes, which no line is longer than.
fn write_at_once(to: impl AsFd, line: &[u8]) -> bool {
    let mut wait = [PollFd::new(&to, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let asked = poll(&mut wait, Some(&now));
    asked.is_ok()
        && wait[0].revents().contains(PollFlags::OUT)
        && rustix::io::write(&to, line) == Ok(line.len())
}

fn plain(
    text: &mut Text<4096>,
    level: Level,
    place: &Location<'_>,
    message: fmt::Arguments<'_>,
) -> fmt::Result {
    time(text)?;
    write!(text, "\t{}\t{}:{}\t", level.word(), place.file(), place.line())?;
    let mut cut = Cut { text, left: 1800, json: false };
    cut.write_fmt(message)
}

fn json(
    text: &mut Text<4096>,
    level: Level,
    place: &Location<'_>,
    message: fmt::Arguments<'_>,
) -> fmt::Result {
    text.write_str("{\"ts\":\"")?;
    time(text)?;
    write!(
        text,
        "\",\"level\":\"{}\",\"caller\":\"{}:{}\",\"msg\":\"",
        level.word(),
        place.file(),
        place.line()
    )?;
    let mut cut = Cut { text, left: 1800, json: true };
    cut.write_fmt(message)?;
    text.write_str("\"}")
}

/// Writes at most `left` bytes of the message, newlines and (for JSON) quotes escaped.
struct Cut<'a> {
    text: &'a mut Text<4096>,
    left: usize,
    json: bool,
}

impl fmt::Write for Cut<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for letter in piece.chars() {
            if self.left < letter.len_utf8() {
                return Ok(());
            }
            self.left -= letter.len_utf8();
            match letter {
                '\n' => self.text.write_str("\\n")?,
                '"' if self.json => self.text.write_str("\\\"")?,
                '\\' if self.json => self.text.write_str("\\\\")?,
                control if control.is_control() => self.text.write_char(' ')?,
                other => self.text.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// `2026-01-31T12:00:00.123Z` of now.
fn time(text: &mut Text<4096>) -> fmt::Result {
    let millis = clock::now().unix_nanos.div_euclid(1_000_000);
    let (year, month, day) = civil(millis.div_euclid(86_400_000));
    let of_day = millis.rem_euclid(86_400_000);
    write!(
        text,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        of_day / 3_600_000,
        of_day / 60_000 % 60,
        of_day / 1000 % 60,
        of_day % 1000
    )
}

/// Days since the epoch → year, month, day of the Gregorian calendar, by counting 400-year cycles from 0000-03-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let from_march = days + 719_468;
    let cycle = from_march.div_euclid(146_097);
    let of_cycle = from_march.rem_euclid(146_097);
    let year_of_cycle = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
        assert_eq!(civil(47_540), (2100, 2, 28));
        assert_eq!(civil(47_541), (2100, 3, 1));
    }

    #[test]
    fn a_full_pipe_costs_the_line() {
        let (reader, writer) = std::io::pipe().unwrap();
        let line = [b'x'; 4001];
        let written = (0..1000).take_while(|_| write_at_once(&writer, &line)).count();
        assert!((1..1000).contains(&written), "{written}");
        drop(reader);
        assert!(!write_at_once(&writer, &line));
    }

    #[test]
    fn a_message_is_cut_and_escaped() {
        let mut text = Text::<4096>::new();
        let place = Location::caller();
        json(&mut text, Level::Warn, place, format_args!("a \"b\"\n{}", "x".repeat(3000))).unwrap();
        let line = text.as_str();
        assert!(line.contains(r#""level":"warn""#));
        assert!(line.contains(r#"a \"b\"\nxxx"#));
        assert!(line.ends_with("x\"}"));
        assert!(line.len() < 2100);
    }
}
