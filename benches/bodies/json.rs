//! A list of pods through the tokenizer, and through `serde_json` beside it.

use super::Body;
use std::hint::black_box;
use trimeter::json::{Progress, Sink, Tokenizer, Want};

const PODS: usize = 100;

/// As much as a read of a socket brings.
const PIECE: usize = 16 * 1024;

/// A pod as an API server writes it: without white space, and managed fields are a good part of it. `@` is its number.
const POD: &str = concat!(
    r#"{"metadata":{"name":"web-@","namespace":"shop","uid":"6c05398e-b86e-47de-b218-0000000@","#,
    r#""resourceVersion":"10@","creationTimestamp":"2026-01-02T03:04:05Z","labels":{"app":"web","#,
    r#""pod-template-hash":"7d4b9c6f5"},"annotations":{"applied":"{\"kind\":\"Pod\",\"replicas\":3}\n"},"#,
    r#""managedFields":[{"manager":"kubelet","operation":"Update","apiVersion":"v1","#,
    r#""time":"2026-01-02T03:04:09Z","fieldsType":"FieldsV1","fieldsV1":{"f:status":{"f:conditions":{"#,
    r#""k:{\"type\":\"Ready\"}":{".":{},"f:lastProbeTime":{},"f:status":{},"f:type":{}}},"f:phase":{},"#,
    r#""f:podIP":{}}},"subresource":"status"}]},"spec":{"containers":[{"name":"web","#,
    r#""image":"registry.example/web:1.2.3","ports":[{"containerPort":8080,"protocol":"TCP"}],"#,
    r#""resources":{"limits":{"memory":"128Mi"},"requests":{"cpu":"250m","memory":"64Mi"}},"#,
    r#""terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent"}],"#,
    r#""restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","#,
    r#""serviceAccountName":"web","nodeName":"node-@","priority":0},"status":{"phase":"Running","#,
    r#""conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"#,
    r#""lastTransitionTime":"2026-01-02T03:04:09Z"}],"hostIP":"10.0.0.1","podIP":"10.1.0.7","#,
    r#""startTime":"2026-01-02T03:04:05Z","containerStatuses":[{"name":"web","state":{"running":{"#,
    r#""startedAt":"2026-01-02T03:04:08Z"}},"lastState":{},"ready":true,"restartCount":1@,"#,
    r#""started":true}],"qosClass":"Burstable"}}"#,
);

fn list() -> String {
    let pods: Vec<String> = (0..PODS).map(|pod| POD.replace('@', &format!("{pod:05}"))).collect();
    format!(
        r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"1"}},"items":[{}]}}"#,
        pods.join(",")
    )
}

/// Counts the bytes of what it is told.
struct Count {
    want: Want,
    bytes: usize,
}

impl Sink for Count {
    fn key(&mut self, key: &[u8], _: bool) -> Want {
        self.bytes += key.len();
        self.want
    }

    fn element(&mut self) -> Want {
        self.want
    }

    fn begin_object(&mut self) {}

    fn end_object(&mut self) {}

    fn begin_array(&mut self) {}

    fn end_array(&mut self) {}

    fn string_part(&mut self, piece: &[u8]) {
        self.bytes += piece.len();
    }

    fn string_end(&mut self) {}

    fn number(&mut self, text: &[u8]) {
        self.bytes += text.len();
    }

    fn boolean(&mut self, _: bool) {}

    fn null(&mut self) {}
}

fn tokens(name: &'static str, want: Want) -> Body {
    let text = list();
    let bytes = text.len() as u64;
    let mut tokenizer = Tokenizer::new();
    let turn = move || {
        let mut sink = Count { want, bytes: 0 };
        let ends = text.as_bytes().chunks(PIECE).filter(|piece| match tokenizer.feed(piece, &mut sink) {
            Ok(progress) => progress == Progress::Value { used: piece.len() },
            Err(error) => panic!("{error:?}"),
        });
        assert_eq!(ends.count(), 1);
        black_box(sink.bytes);
    };
    Body { name, bytes, turn: Box::new(turn) }
}

/// Every member is checked and skipped.
pub fn skipping() -> Body {
    tokens("json_skip", Want::Skip)
}

/// Every member is told.
pub fn taking() -> Body {
    tokens("json_take", Want::Take)
}

/// The whole text at once, into values on the heap.
pub fn values() -> Body {
    let text = list();
    let bytes = text.len() as u64;
    let turn = move || {
        let value = serde_json::from_str::<serde_json::Value>(&text);
        assert!(black_box(&value).as_ref().is_ok_and(|value| value["items"][PODS - 1]["spec"].is_object()));
    };
    Body { name: "json_serde", bytes, turn: Box::new(turn) }
}
