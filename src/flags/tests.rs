//! Tests of parsing, of the getters and of the listings.

use super::*;
use crate::limits::LIMIT_FLAGS;
use proptest::prelude::*;
use std::ffi::OsString;

const SAMPLE: &[Flag] = &[
    sample("once", FlagKind::Bool, "false"),
    sample("help", FlagKind::Bool, "false"),
    sample("nodeName", FlagKind::Text, ""),
    sample("limit.frames", FlagKind::Int { min: 2, max: 64 }, "3"),
    sample("collect.maxAge", FlagKind::Duration { min_ms: 0, max_ms: 3_600_000 }, "1s"),
    sample("memory.allowedBytes", FlagKind::Bytes, "0"),
    sample("loggerLevel", FlagKind::OneOf(&["INFO", "WARN", "ERROR"]), "INFO"),
    sample("parts", FlagKind::List(&["node", "app"]), "node"),
    sample("collector.disable-defaults", FlagKind::Bool, "false"),
    sample("collector.arp.netlink", FlagKind::Bool, "true"),
    sample("collector.netdev.device-exclude", FlagKind::Regex, ""),
    sample("collector.textfile.directory", FlagKind::Texts, ""),
    sample("httpListenAddr", FlagKind::Address, ":10333"),
    sample("envflag.enable", FlagKind::Bool, "false"),
    sample("envflag.prefix", FlagKind::Text, ""),
    sample("workers", FlagKind::Inert { kind: &FlagKind::Int { min: 1, max: 9 }, why: "none" }, "5"),
    sample("collector.wifi", FlagKind::Inert { kind: &FlagKind::Bool, why: "absent" }, "false"),
    sample("web.listen-address", FlagKind::Alias { of: "httpListenAddr", words: &[] }, ""),
    sample("log.level", FlagKind::Alias { of: "loggerLevel", words: &[("debug", "INFO")] }, ""),
];
const COLLECTORS: &[(&str, bool)] = &[("arp", true), ("cpu", true), ("ksmd", false)];

const fn sample(name: &'static str, kind: FlagKind, default: &'static str) -> Flag {
    Flag { name, kind, default, help: "Help." }
}

const VARIABLES: &[(&str, &str)] = &[
    ("T_nodeName", "from-env"),
    ("T_limit_frames", "9"),
    ("T_collector_cpu", "false"),
    ("nodeName", "plain"),
];

fn run(line: &str) -> Result<Flags, Vec<Mistake>> {
    let variable = |name: &str| VARIABLES.iter().find(|(known, _)| *known == name);
    parse(&[SAMPLE], COLLECTORS, line.split_whitespace(), |name| {
        variable(name).map(|(_, value)| (*value).to_owned())
    })
}

/// The flags of a line without mistakes.
fn good(line: &str) -> Flags {
    run(line).unwrap_or_else(|mistakes| panic!("{line}: {mistakes:?}"))
}

/// The messages of a line with mistakes.
fn bad(line: &str, expect: &[&str]) {
    let mistakes = run(line).err().unwrap_or_else(|| panic!("{line}: no mistake"));
    let messages: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    assert_eq!(messages, expect);
}

#[test]
fn every_form_of_a_value() {
    for line in ["-nodeName=a", "--nodeName=a", "-nodeName a", "--nodeName a", "-nodeName=b -nodeName a"] {
        let flags = good(line);
        assert_eq!(flags.text("nodeName"), "a", "{line}");
        assert!(flags.given("nodeName"));
        assert!(!flags.given("once"));
    }
    assert_eq!(good("-nodeName=").text("nodeName"), "");
    assert_eq!(good("-nodeName=a=b").text("nodeName"), "a=b");
    assert_eq!(good("-nodeName -minus").text("nodeName"), "-minus");
    assert_eq!(good("").text("nodeName"), "");
}

#[test]
fn every_form_of_a_switch() {
    for line in ["-once", "--once", "-once=true", "--once=1", "-once=T", "-no-once --once"] {
        assert!(good(line).bool("once"), "{line}");
    }
    for line in ["", "-once=false", "--once=0", "--no-once", "-no-once", "-once -once=false"] {
        assert!(!good(line).bool("once"), "{line}");
    }
    // A switch takes no value from the next argument.
    assert_eq!(good("-once -nodeName x").text("nodeName"), "x");
}

#[test]
fn collectors_are_switched() {
    let on = |line: &str| {
        let flags = good(line);
        ["arp", "cpu", "ksmd"].map(|name| flags.collector(name))
    };
    assert_eq!(on(""), [true, true, false]);
    assert_eq!(on("--no-collector.arp --collector.ksmd"), [false, true, true]);
    assert_eq!(on("--collector.arp=false"), [false, true, false]);
    assert_eq!(on("--no-collector.arp --collector.arp"), [true, true, false]);
    assert_eq!(on("--collector.disable-defaults"), [false, false, false]);
    assert_eq!(on("--collector.cpu --collector.disable-defaults"), [false, true, false]);
    assert_eq!(on("--collector.disable-defaults --collector.ksmd --no-collector.arp"), [false, false, true]);
    let flags = good("--no-collector.arp.netlink");
    assert!(!flags.bool("collector.arp.netlink"));
    assert!(flags.collector("arp"));
    assert!(flags.bool("collector.arp"));
}

#[test]
fn getters_by_kind() {
    let flags = good(
        "-limit.frames=7 -collect.maxAge=1m30s -memory.allowedBytes 64MiB -loggerLevel=warn -parts=node,app \
         --collector.netdev.device-exclude=^veth --collector.textfile.directory=/a \
         --collector.textfile.directory /b",
    );
    assert_eq!(flags.int("limit.frames"), 7);
    assert_eq!(flags.duration("collect.maxAge"), Duration::from_secs(90));
    assert_eq!(flags.bytes("memory.allowedBytes"), 64 << 20);
    assert_eq!(flags.text("loggerLevel"), "WARN");
    assert_eq!(flags.list("parts").collect::<Vec<_>>(), ["node", "app"]);
    assert!(flags.regex("collector.netdev.device-exclude").unwrap().matches(b"veth0"));
    assert_eq!(flags.texts("collector.textfile.directory").collect::<Vec<_>>(), ["/a", "/b"]);
    assert_eq!(flags.text("collector.textfile.directory"), "/a");
    let flags = good("");
    assert_eq!(flags.int("limit.frames"), 3);
    assert_eq!(flags.duration("collect.maxAge"), Duration::from_secs(1));
    assert!(flags.regex("collector.netdev.device-exclude").is_none());
    assert_eq!(flags.texts("collector.textfile.directory").count(), 0);
    assert_eq!(flags.text("collector.textfile.directory"), "");
}

#[test]
fn lists_that_are_given_again_grow() {
    let flags = good("-parts=node -parts=app");
    assert_eq!(flags.list("parts").collect::<Vec<_>>(), ["node", "app"]);
    assert_eq!(good("-parts=app").list("parts").collect::<Vec<_>>(), ["app"]);
}

#[test]
fn other_names() {
    assert_eq!(good("--web.listen-address=:9100").text("httpListenAddr"), ":9100");
    assert_eq!(good("--web.listen-address :9100 -httpListenAddr=:1").text("httpListenAddr"), ":1");
    assert!(good("--web.listen-address=:9100").given("httpListenAddr"));
    assert_eq!(good("-loggerLevel=WARN --log.level=debug").text("loggerLevel"), "INFO");
    bad("--log.level=loud", &["--log.level=loud: not allowed; allowed is one of debug"]);
    bad("--log.level", &["--log.level: the value is missing; allowed is one of debug"]);
    bad(
        "--web.listen-address=9100",
        &[
            "--web.listen-address=9100: not allowed; allowed is IP:port, [IPv6]:port, localhost:port or :port, with an IP address and no other host name",
        ],
    );
}

#[test]
fn flags_without_effect_are_told() {
    assert!(good("").given_without_effect().is_empty());
    assert_eq!(good("-workers=7 --collector.wifi").given_without_effect(), ["workers", "collector.wifi"]);
    // What is asked for is what is done: nothing to tell.
    assert!(good("-workers=5 --no-collector.wifi").given_without_effect().is_empty());
    bad("-workers=10", &["-workers=10: not allowed; allowed is a whole number from 1 to 9"]);
}

#[test]
fn the_environment_fills_what_the_command_line_leaves() {
    assert_eq!(good("").text("nodeName"), "");
    assert_eq!(good("-envflag.enable").text("nodeName"), "plain");
    let flags = good("-envflag.enable -envflag.prefix=T_");
    assert_eq!(flags.text("nodeName"), "from-env");
    assert_eq!(flags.int("limit.frames"), 9);
    assert!(flags.given("nodeName"));
    assert!(!flags.collector("cpu"));
    let flags = good("-envflag.prefix=T_ -nodeName=x --collector.cpu -envflag.enable");
    assert_eq!(flags.text("nodeName"), "x");
    assert!(flags.collector("cpu"));
}

#[test]
fn a_bad_variable_is_named() {
    let env = |name: &str| (name == "X_limit_frames").then(|| "1".to_owned());
    let mistakes = parse(&[SAMPLE], COLLECTORS, ["-envflag.enable", "-envflag.prefix=X_"], env).unwrap_err();
    assert_eq!(
        mistakes[0].to_string(),
        "environment variable X_limit_frames=1 (flag -limit.frames): not allowed; allowed is a whole number from 2 to 64"
    );
    assert_eq!(mistakes.len(), 1);
    // A mistake on the command line is not replaced by the environment.
    let args = ["-envflag.enable", "-envflag.prefix=X_", "-limit.frames=x"];
    let mistakes = parse(&[SAMPLE], COLLECTORS, args, env).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert_eq!(mistakes[0].variable, None);
}

#[test]
fn every_mistake_has_its_message() {
    bad("-limit.frames=1", &["-limit.frames=1: not allowed; allowed is a whole number from 2 to 64"]);
    bad("-once=maybe", &["-once=maybe: not allowed; allowed is true or false"]);
    bad(
        "--collect.maxAge=15",
        &["--collect.maxAge=15: not allowed; allowed is a duration such as 250ms or 1m30s, from 0s to 1h"],
    );
    bad(
        "-memory.allowedBytes=lots",
        &["-memory.allowedBytes=lots: not allowed; allowed is bytes such as 1048576, 64MiB or 200MB"],
    );
    bad("-loggerLevel=loud", &["-loggerLevel=loud: not allowed; allowed is one of INFO, WARN, ERROR"]);
    bad("-parts=node,pod", &["-parts=node,pod: not allowed; allowed is a comma list of node, app"]);
    bad(
        "--collector.netdev.device-exclude=[",
        &["--collector.netdev.device-exclude=[: unclosed character class; allowed is a regular expression \
           (RE2 syntax without \\p, \\P and look-around)"],
    );
    bad(
        "-httpListenAddr=localhost",
        &[
            "-httpListenAddr=localhost: not allowed; allowed is IP:port, [IPv6]:port, localhost:port or :port, with an IP address and no other host name",
        ],
    );
    bad("-nodeName", &["-nodeName: the value is missing; allowed is text"]);
    bad(
        "-limit.frames -once",
        &["-limit.frames: the value is missing; allowed is a whole number from 2 to 64"],
    );
    bad("--no-once=true", &["--no-once=true: takes no value"]);
    bad("-zzz", &["-zzz: unknown flag; -help lists all"]);
    bad("-zzz value", &["-zzz=value: unknown flag; -help lists all"]);
    bad("-zzz -once", &["-zzz: unknown flag; -help lists all"]);
    bad("--no-nodeName", &["--no-nodeName: unknown flag; did you mean -nodeName?"]);
    bad("-nodename=x", &["-nodename=x: unknown flag; did you mean -nodeName?"]);
    bad("-colect.maxAge=x", &["-colect.maxAge=x: unknown flag; did you mean -collect.maxAge?"]);
    bad("--collector.cpus", &["--collector.cpus: unknown flag; did you mean -collector.cpu?"]);
    bad("--no-nodename", &["--no-nodename: unknown flag; -help lists all"]);
    bad("--no-colector.ksmd", &["--no-colector.ksmd: unknown flag; did you mean -no-collector.ksmd?"]);
    bad("word", &["word: not a flag; flags are written -name=value"]);
    bad("-", &["-: not a flag; flags are written -name=value"]);
    bad("---once", &["---once: not a flag; flags are written -name=value"]);
    bad("-=x", &["-=x: not a flag; flags are written -name=value"]);
    bad("-once false", &["false: not a flag; a value of the switch before it is written -once=false"]);
    bad("-once -- -once", &["-once: not a flag; flags are written -name=value"]);
    assert!(good("-once --").bool("once"));
}

#[test]
fn text_that_is_not_utf8() {
    use std::os::unix::ffi::OsStringExt as _;
    let args = [&b"-node\xff"[..], b"-nodeName", b"\xfe", b"-nodeName=\xfd"];
    let args = args.map(|arg| OsString::from_vec(arg.to_vec()));
    let mistakes = parse(&[SAMPLE], &[], args, |_| None).unwrap_err();
    let messages: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    assert_eq!(
        messages,
        ["-node\u{fffd}: not UTF-8", "-nodeName=\u{fffd}: not UTF-8", "-nodeName=\u{fffd}: not UTF-8"]
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    bad(
        "-limit.frames=1 word -onec -nodeName ok -parts=x",
        &[
            "-limit.frames=1: not allowed; allowed is a whole number from 2 to 64",
            "word: not a flag; flags are written -name=value",
            "-onec: unknown flag; -help lists all",
            "-parts=x: not allowed; allowed is a comma list of node, app",
        ],
    );
}

#[test]
fn help_is_given_whatever_else_is_wrong() {
    assert!(good("-limit.frames=1 -help -zzz").bool("help"));
}

#[test]
#[should_panic(expected = "flag -unheardOf is in no table")]
fn an_unknown_name_is_our_mistake() {
    good("").text("unheardOf");
}

#[test]
#[should_panic(expected = "flag -once is in the tables twice")]
fn a_name_stands_in_one_table() {
    Flags::defaults(&[SAMPLE, &[sample("once", FlagKind::Text, "")]]);
}

#[test]
fn tests_set_values_as_a_command_line_does() {
    let mut flags = Flags::defaults(&[SAMPLE]);
    flags.set("once", "1");
    flags.set("collector.textfile.directory", "/a");
    flags.set("collector.textfile.directory", "/b");
    flags.set("of.no.table", "x");
    assert!(flags.bool("once"));
    assert_eq!(flags.texts("collector.textfile.directory").collect::<Vec<_>>(), ["/a", "/b"]);
    assert_eq!(flags.text("of.no.table"), "x");
}

#[test]
fn the_help_page() {
    let tables: &[&[Flag]] = &[&[
        Flag { name: "b", kind: FlagKind::Int { min: 1, max: 9 }, default: "5", help: " Size of b." },
        Flag { name: "a", kind: FlagKind::Bool, default: "false", help: "Makes a." },
        Flag {
            name: "c",
            kind: FlagKind::Inert { kind: &FlagKind::Text, why: "no c" },
            default: "x",
            help: "C.",
        },
        Flag {
            name: "d",
            kind: FlagKind::Inert { kind: &FlagKind::Text, why: "no d" },
            default: "",
            help: "",
        },
        Flag { name: "e", kind: FlagKind::Alias { of: "b", words: &[("x|y", "1")] }, default: "", help: "" },
    ]];
    assert_eq!(
        help_text(tables, COLLECTORS),
        "Usage: trimeter [-flag=value]...

Flags:
  -a switch
      Makes a.
  -b number
      Size of b. From 1 to 9. (default 5)
  -c text
      C. Without effect: no c. (default x)

Node collectors:
  -collector.<name>, -no-collector.<name>
      On by default: arp, cpu.
      Off by default: ksmd.

node_exporter's names:
  -e
      Another name of -b: x|y is 1.

node_exporter's flags that are accepted without effect:
  Because no d:
      -d
"
    );
    assert_eq!(
        markdown_table(tables, COLLECTORS),
        "| flag | value | default | meaning |
|---|---|---|---|
| `-a` | switch | `false` | Makes a. |
| `-b` | number | `5` | Size of b. From 1 to 9. |
| `-c` | text | `x` | C. Without effect: no c. |
| `-e` |  |  | Another name of -b: x\\|y is 1. |
| `-collector.<name>`, `-no-collector.<name>` | switch |  | Node collectors. On by default: `arp`, `cpu`. Off by default: `ksmd`. |

node_exporter's flags that are accepted without effect; the log says so once:

| flags | why |
|---|---|
| `-d` | no d |
"
    );
}

#[test]
fn help_lines_fit_a_terminal() {
    let tables = [table::AGENT, table::KUBERNETES, peer::NODE_EXPORTER, peer::ABSENT, LIMIT_FLAGS];
    for line in help_text(&tables, COLLECTORS).lines() {
        assert!(line.len() <= 100, "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

/// Pieces that command lines are made of, put together at random.
fn argument() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("-".to_owned()),
        Just("--".to_owned()),
        Just("=".to_owned()),
        Just("no-".to_owned()),
        Just("collector.".to_owned()),
        prop::sample::select(SAMPLE).prop_map(|flag| flag.name.to_owned()),
        prop::sample::select(&["true", "1m", "7", "64MiB", ":1", "[", "arp", "node,app"][..])
            .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Whatever was accepted can be got by its kind.
fn get_all(flags: &Flags) {
    for flag in SAMPLE {
        match flag.kind {
            FlagKind::Int { .. } => assert!((2..=64).contains(&flags.int(flag.name))),
            FlagKind::Duration { .. } => assert!(flags.duration(flag.name) <= Duration::from_secs(3600)),
            FlagKind::Bytes => assert!(flags.bytes(flag.name).to_string().len() <= 20),
            FlagKind::Regex => drop(flags.regex(flag.name)),
            FlagKind::List(words) => assert!(flags.list(flag.name).all(|word| words.contains(&word))),
            FlagKind::OneOf(words) => assert!(words.contains(&flags.text(flag.name))),
            FlagKind::Bool => assert!(["true", "false"].contains(&flags.text(flag.name))),
            FlagKind::Texts => assert!(flags.texts(flag.name).all(|text| !text.is_empty())),
            FlagKind::Alias { .. } => {}
            FlagKind::Text | FlagKind::Address | FlagKind::Inert { .. } => drop(flags.text(flag.name)),
        }
    }
    assert!(flags.given_without_effect().len() <= 2);
}

proptest! {
    #[test]
    fn any_command_line_is_survived(args in prop::collection::vec(argument(), 0..8)) {
        match parse(&[SAMPLE], COLLECTORS, args, |_| None) {
            Ok(flags) => get_all(&flags),
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    prop_assert!(!mistake.to_string().contains('\n'));
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(lines in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(flags) = parse_lines(&[SAMPLE], COLLECTORS, &lines) {
            get_all(&flags);
        }
    }

    /// One value, three ways to write it.
    #[test]
    fn every_form_means_the_same(value in "[a-z0-9=:/.]{0,12}") {
        for args in [vec![format!("-nodeName={value}")], vec!["--nodeName".to_owned(), value.clone()]] {
            let flags = parse(&[SAMPLE], COLLECTORS, args, |_| None).unwrap();
            prop_assert_eq!(flags.text("nodeName"), &value);
        }
    }
}
