//! A kept-alive connection costs no allocation.

use super::*;

/// Allocations of the server's thread while a connection asks 1000 times, after it has asked a few times.
fn check(target: &str, headers: &str) {
    let server = start(ServerLimits::default());
    let mut client = server.connect();
    let expect = client.get(target, headers);
    // Warm up the path of the question itself as well.
    client.get("/stats", "");
    let before = client.get("/stats", "").body;
    for _ in 0..1000 {
        assert_eq!(client.get(target, headers), expect);
    }
    let after = client.get("/stats", "").body;
    assert_eq!(expect.status, 200);
    assert_eq!(stat_of(&before, "allocations"), stat_of(&after, "allocations"));
    assert_eq!(stat_of(&after, "hot_allocations"), 0);
}

#[test]
fn a_small_body_is_served_without_allocation() {
    check("/text/100", "");
}

#[test]
fn a_body_of_many_pages_is_served_without_allocation() {
    check("/text/200000", "");
}

#[test]
fn a_compressed_body_is_served_without_allocation() {
    check("/text/200000", "Accept-Encoding: gzip\r\n");
}

#[test]
fn a_compressed_body_of_many_pages_is_served_without_allocation() {
    check("/noise/100000", "Accept-Encoding: gzip\r\n");
}
