use super::*;
use crate::text::{rfc3339, zones};
use proptest::prelude::*;

fn moment(text: &str) -> i64 {
    rfc3339::unix_seconds(text.as_bytes()).unwrap()
}

#[track_caller]
fn check(zone: &str, after: &str, text: &str, expect: &str) {
    let schedule = parse_in(zone.as_bytes(), text.as_bytes()).unwrap();
    let found = schedule.next(moment(after), &schedule.zone().unwrap());
    assert_eq!(found, Next::At(moment(expect)), "{zone} {after} {text}");
}

#[track_caller]
fn never(after: &str, text: &str) {
    assert_eq!(parse(text.as_bytes()).unwrap().next(moment(after), &zones::UTC), Next::Never, "{text}");
}

#[test]
fn runs_in_utc() {
    let utc = |after, text, expect| check("UTC", after, text, expect);
    utc("2018-03-11T04:34:56Z", "0 */6 * * *", "2018-03-11T06:00:00Z");
    utc("2018-03-11T11:04:56Z", "25 * * * *", "2018-03-11T11:25:00Z");
    utc("2018-03-11T11:25:00Z", "25 * * * *", "2018-03-11T12:25:00Z");
    utc("2018-12-31T23:59:59Z", "* * * * *", "2019-01-01T00:00:00Z");
    utc("2018-12-31T23:59:01Z", "@yearly", "2019-01-01T00:00:00Z");
    utc("2018-03-01T00:00:00Z", "@monthly", "2018-04-01T00:00:00Z");
    utc("2018-03-11T00:00:00Z", "@weekly", "2018-03-18T00:00:00Z");
    utc("2018-03-11T00:00:00Z", "@midnight", "2018-03-12T00:00:00Z");
    utc("2018-03-11T00:00:00Z", "@hourly", "2018-03-11T01:00:00Z");
    utc("2018-03-11T00:00:07Z", "@every 1h30m0.9s", "2018-03-11T01:30:07Z");
    utc("2018-03-11T00:00:00Z", "0 0 29 feb ?", "2020-02-29T00:00:00Z");
    utc("2018-03-11T00:00:00Z", "0 12 ? * MON-Fri", "2018-03-12T12:00:00Z");
}

#[test]
fn either_day_fits_when_both_are_named() {
    // 13 April 2018 is a Friday.
    check("UTC", "2018-04-07T00:00:00Z", "0 0 13 * 5", "2018-04-13T00:00:00Z");
    check("UTC", "2018-04-13T00:00:00Z", "0 0 13 * 5", "2018-04-20T00:00:00Z");
    check("UTC", "2018-05-12T00:00:00Z", "0 0 13 * 5", "2018-05-13T00:00:00Z");
    // A star with a step is a name.
    check("UTC", "2018-04-13T00:00:00Z", "0 0 */30 * 5", "2018-04-20T00:00:00Z");
    check("UTC", "2018-04-13T00:00:00Z", "0 0 13 * *", "2018-05-13T00:00:00Z");
    check("UTC", "2018-04-13T00:00:00Z", "0 0 13 * */1", "2018-05-13T00:00:00Z");
}

#[test]
fn what_is_never() {
    never("2018-03-11T00:00:00Z", "0 0 30 2 *");
    never("2018-03-11T00:00:00Z", "0 0 31 4,6 ?");
    never("2018-03-11T00:00:00Z", ", * * * *");
    never("2018-03-11T00:00:00Z", "@manual");
    never("9999-12-31T23:59:59Z", "* * * * *");
    never("2096-03-01T00:00:00Z", "0 0 29 2 *");
    let always = parse(b"* * * * *").unwrap();
    assert_eq!(always.next(i64::MAX, &zones::UTC), Next::Never);
    assert_eq!(always.next(i64::MIN, &zones::UTC), Next::Never);
    assert_eq!(always.next(rfc3339::ZERO, &zones::UTC), Next::At(rfc3339::ZERO + 60));
}

#[test]
fn clocks_that_skip_an_hour() {
    let york = |after, text, expect| check("America/New_York", after, text, expect);
    york("2018-03-11T00:00:00-05:00", "30 2 11 Mar ?", "2019-03-11T02:30:00-04:00");
    york("2018-03-11T01:00:00-05:00", "0 * * * ?", "2018-03-11T03:00:00-04:00");
    york("2018-03-11T00:00:00-05:00", "0 1 * * ?", "2018-03-11T01:00:00-05:00");
    york("2018-03-11T01:00:00-05:00", "0 1 * * ?", "2018-03-12T01:00:00-04:00");
    york("2018-03-11T00:00:00-05:00", "0 2 * * ?", "2018-03-12T02:00:00-04:00");
    // No midnight: the day is still found.
    let paulo = |after, text, expect| check("America/Sao_Paulo", after, text, expect);
    paulo("2018-11-03T12:00:00-03:00", "0 0 5 11 *", "2018-11-05T00:00:00-02:00");
    paulo("2018-11-03T12:00:00-03:00", "0 9 4 11 *", "2018-11-04T09:00:00-02:00");
    paulo("2018-11-03T12:00:00-03:00", "0 0 4 11 *", "2019-11-04T00:00:00-03:00");
    // East of Greenwich the reference passes over such a day.
    check("Asia/Beirut", "2022-03-25T12:00:00+02:00", "0 12 27 3,4 *", "2022-04-27T12:00:00+03:00");
}

#[test]
fn clocks_that_show_an_hour_twice() {
    let york = |after, text, expect| check("America/New_York", after, text, expect);
    york("2018-11-04T00:00:00-04:00", "30 2 04 Nov ?", "2018-11-04T02:30:00-05:00");
    york("2018-11-04T01:45:00-04:00", "30 1 04 Nov ?", "2018-11-04T01:30:00-05:00");
    york("2018-11-04T00:00:00-04:00", "0 1 * * ?", "2018-11-04T01:00:00-04:00");
    york("2018-11-04T01:00:00-04:00", "0 1 * * ?", "2018-11-04T01:00:00-05:00");
    york("2018-11-04T01:00:00-05:00", "0 1 * * ?", "2018-11-05T01:00:00-05:00");
    york("2018-11-04T00:00:00-04:00", "0 2 * * ?", "2018-11-04T02:00:00-05:00");
}

#[test]
fn what_is_a_schedule() {
    for text in [
        "* * * * *",
        "? ? ? ? ?",
        " 0\t0 1 1  0 ",
        "0-59/2 22-2 1,15 JAN-mar,12 sat-1",
        "*/59 * * * *",
        "5/2 * * * *",
        "0 0 * * 7",
        "0 0 * * 1-7",
        "0 0 * nov-feb *",
        "+5 * * * *",
        "*-9-x * * * *",
        "1,,2 * * * *",
        "@daily",
        "@every 1s",
        "@every +1.5h",
        "@every 1h1m1s1ms1us1ns",
        "@every 100µs1s",
        "@triggered",
        "TZ=UTC * * * * *",
        "CRON_TZ=Europe/Berlin  @daily",
        "TZ=\"Asia/Tokyo\" 0 0 * * *",
        "TZ='UTC' @hourly",
        "59/1 23/1 31/1 12/1 7/1",
        "@every 9223372036s",
    ] {
        assert!(parse(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(parse(b"CRON_TZ=UTC @daily"), parse_in(b"UTC", b" @daily "));
    assert_eq!(parse(b"0 0 * * 7"), parse(b"0 0 * * sun"));
    assert_eq!(parse(b"0 22-2 * * *"), parse(b"0 22,23,0-2 * * *"));
    assert_eq!(parse(b"0 20-4/3 * * *"), parse(b"0 20,23,2 * * *"));
    assert_eq!(parse(b"0 0 * * fri-mon"), parse(b"0 0 * * 0,1,5,6"));
    assert_eq!(parse(b"0 0 * * 1/2"), parse(b"0 0 * * 1,3,5"));
    let padded = format!("0 0 * * *{}", " ".repeat(1024 - 9));
    assert!(parse(padded.as_bytes()).is_some());
    assert!(parse(format!("{padded} ").as_bytes()).is_none());
    assert!(parse_in(b"UTC", &padded.as_bytes()[..1012]).is_some());
    assert!(parse_in(b"UTC", &padded.as_bytes()[..1013]).is_none());
}

#[test]
fn what_is_none() {
    for text in [
        "",
        " ",
        "* * * *",
        "* * * * * *",
        "*/120 4-22 * * *",
        "0 1 */32,1-7 * 3",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "-1 * * * *",
        "1-2-3 * * * *",
        "*/0 * * * *",
        "*/-1 * * * *",
        "*/x * * * *",
        "1/2/3 * * * *",
        "1- * * * *",
        "5-6/2 * * * *",
        "*/60 * * * *",
        "H * * * *",
        "* * L * *",
        "* * * janx *",
        "jan * * * *",
        "* * * * mo",
        "@Daily",
        " @daily",
        "@every",
        "@every ",
        "@every 0",
        "@every 0.9s",
        "@every -1h",
        "@every 1",
        "@every 1d",
        "@every h",
        "@every .s",
        "@every 1h 2m",
        "@every 9999999999h",
        "TZ=UTC",
        "TZ=UTC ",
        "TZ= * * * * *",
        "TZ=Nowhere * * * * *",
        "TZ=utc * * * * *",
        "TZ=../UTC * * * * *",
        "TZ=\"UTC' * * * * *",
        "TZ=UTC TZ=UTC * * * * *",
        "tz=UTC * * * * *",
        "* * * * 3/5",
        "-0 * * * *",
        "99999999999999999999 * * * *",
        "* * * * \u{a0}",
    ] {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse_in(b"", b"@daily"), None);
    assert_eq!(parse_in(b"Invalid/Zone", b"@daily"), None);
    assert_eq!(parse_in(b"UTC", b"TZ=UTC * * * * *"), None);
    assert_eq!(parse_in(b"UTC", b"  "), None);
}

/// Clocks that are changed with every second that passes.
struct Mad;

impl Zone for Mad {
    fn offset_at(&self, unix: i64) -> i32 {
        i32::try_from(unix.wrapping_mul(0x9e37_79b9).rem_euclid(200_000)).unwrap() - 100_000
    }
}

/// The slow way: every minute is looked at.
fn oracle(schedule: &Schedule, after: i64, until: i64, zone: &impl Zone) -> Option<i64> {
    let When::Fields(fields) = schedule.when else { return None };
    let mut minute = after - after.rem_euclid(60) + 60;
    while minute < until {
        let wall = Wall::of(minute + i64::from(zone.offset_at(minute)));
        let time = has(fields.minute, wall.minute()) && has(fields.hour, wall.hour());
        if time && has(fields.month, wall.month) && fields.day_fits(&wall) {
            return Some(minute);
        }
        minute += 60;
    }
    None
}

fn any_schedule() -> impl Strategy<Value = String> {
    let minute = prop_oneof!["\\*", "[1-5]?[0-9]", "\\*/[2-9]", "[0-9]-[3-5][0-9]/[2-7]"];
    let hour = prop_oneof!["\\*", "[0-9]", "[0-4](,[0-4])?", "\\*/[2-9]", "2[0-3]-[0-3]"];
    let of_month = prop_oneof!["\\*", "\\?", "[1-9]", "[12][0-9]", "2[5-9]-31", "\\*/[2-9]"];
    let month = prop_oneof!["\\*", "3", "10,11", "mar-nov", "\\*/[2-5]"];
    let of_week = prop_oneof!["\\*", "\\?", "[0-7]", "mon-fri", "\\*/[2-3]"];
    (minute, hour, of_month, month, of_week).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

proptest! {
    #[test]
    fn the_first_minute_that_fits(
        text in any_schedule(),
        after in 1_454_284_800..1_770_000_000_i64,
        zone in prop::sample::select(vec![
            "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Sydney", "America/St_Johns",
        ]),
        // Near a change of clocks more often than by chance.
        at_change: bool,
    ) {
        let zone = zones::find(zone.as_bytes()).unwrap();
        let change = (after..after + 200 * 86_400).step_by(3600)
            .find(|moment| zone.offset_at(*moment) != zone.offset_at(*moment + 3600));
        let after = change.filter(|_| at_change).map_or(after, |change| change - 5 * 3600 + after % 36_000);
        let schedule = parse(text.as_bytes()).unwrap();
        let until = after + 70 * 86_400;
        match (schedule.next(after, &zone), oracle(&schedule, after, until, &zone)) {
            (found, Some(expect)) => prop_assert_eq!(found, Next::At(expect), "{} {}", text, after),
            (Next::At(found), None) => prop_assert!(found >= until, "{text} {after} {found}"),
            (Next::Never, None) => {}
        }
    }

    #[test]
    fn mad_clocks_end_the_search(text in any_schedule(), after in 0..4_000_000_000_i64) {
        parse(text.as_bytes()).unwrap().next(after, &Mad);
    }

    #[test]
    fn any_text(bytes in "[0-9*/,?a-z @=-]{0,20}") {
        if let Some(schedule) = parse(bytes.as_bytes()) {
            schedule.next(1_500_000_000, &zones::UTC);
        }
    }
}
