//! Dumps of rtnetlink and sock_diag: requests, and the walk over their answers.
//!
//! Kernel documents: Documentation/userspace-api/netlink/intro.rst; rtnetlink(7), sock_diag(7).

use super::syscall::classify;
use super::{Dump, ReadError};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// The kernel builds datagrams of at most 32 KiB for a reader with a larger buffer.
pub const BUFFER_BYTES: usize = 64 * 1024;
/// A dump has at most this many datagrams: 2 GiB, more than any table the kernel keeps.
const DATAGRAMS_MAX: u32 = 65_536;
/// How often a dump that a change of the table interrupted is begun again.
const INTERRUPTIONS_MAX: u32 = 3;

const HEADER_BYTES: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
const DUMP_FLAGS: u16 = 0x0301;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// A message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The messages of a datagram; the first whose length is not possible is the last, as an error.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, ReadError>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((message, bytes)) = first_message(rest) else {
            rest = &[];
            return Some(Err(ReadError::Failed));
        };
        // Lengths are rounded up to 4; the last message may do without its padding.
        rest = rest.get(bytes.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Ok(message))
    })
}

/// The first message and the length it says it has.
fn first_message(bytes: &[u8]) -> Option<(Message<'_>, usize)> {
    let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
    let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
    let message = Message {
        kind: u16::from_ne_bytes([k0, k1]),
        flags: u16::from_ne_bytes([f0, f1]),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        payload: bytes.get(HEADER_BYTES..length)?,
    };
    Some((message, length))
}

/// How a datagram ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

/// Hands the messages of a datagram that answer our request to `each`.
fn absorb(
    datagram: &[u8],
    request: &Request,
    sequence: u32,
    interrupted: &mut bool,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Progress, ReadError> {
    for message in messages(datagram) {
        let message = message?;
        if message.sequence != sequence {
            // What is left of a dump that was given up.
            continue;
        }
        *interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        match message.kind {
            NLMSG_DONE => return status(message.payload).map(|()| Progress::Done),
            NLMSG_ERROR => return status(message.payload).map(|()| Progress::More),
            kind if kind == request.answer => each(message.payload),
            _ => {}
        }
    }
    Ok(Progress::More)
}

/// The number in front of an NLMSG_ERROR or NLMSG_DONE: 0, or an errno below 0. Old kernels end a dump without it.
fn status(payload: &[u8]) -> Result<(), ReadError> {
    let number = payload.first_chunk::<4>().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    match number {
        0.. => Ok(()),
        -4095..0 => Err(classify(Errno::from_raw_os_error(-number))),
        _ => Err(ReadError::Failed),
    }
}

/// A question with its header; `used` bytes of `bytes`.
struct Request {
    bytes: [u8; HEADER_BYTES + 56],
    used: usize,
    answer: u16,
    /// For SOCK_DIAG; the number of its answer is RTM_NEWADDR's too.
    diag: bool,
}

impl Request {
    fn new(kind: u16, answer: u16, body: &[u8]) -> Self {
        let mut bytes = [0; HEADER_BYTES + 56];
        let used = HEADER_BYTES + body.len();
        bytes[..4].copy_from_slice(&u32::try_from(used).unwrap_or(0).to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&DUMP_FLAGS.to_ne_bytes());
        bytes[HEADER_BYTES..used].copy_from_slice(body);
        Request { bytes, used, answer, diag: false }
    }

    /// All links. Without IFLA_EXT_MASK: statistics are in it, those of virtual functions (RTEXT_FILTER_VF) are not.
    fn links() -> Self {
        let mut ifinfomsg = [0; 16];
        ifinfomsg[0] = AF_UNSPEC;
        Self::new(RTM_GETLINK, RTM_NEWLINK, &ifinfomsg)
    }

    fn neighbours() -> Self {
        let mut ndmsg = [0; 12];
        ndmsg[0] = AF_INET;
        Self::new(RTM_GETNEIGH, RTM_NEWNEIGH, &ndmsg)
    }

    fn addresses() -> Self {
        let mut ifaddrmsg = [0; 8];
        ifaddrmsg[0] = AF_UNSPEC;
        Self::new(RTM_GETADDR, RTM_NEWADDR, &ifaddrmsg)
    }

    /// struct inet_diag_req_v2: family, protocol, no extensions, a padding byte, a bit per state, any socket.
    fn tcp(family: u8) -> Self {
        let mut body = [0; 56];
        body[0] = family;
        body[1] = IPPROTO_TCP;
        body[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
        Request { diag: true, ..Self::new(SOCK_DIAG_BY_FAMILY, SOCK_DIAG_BY_FAMILY, &body) }
    }

    fn number(&mut self, sequence: u32) -> &[u8] {
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        &self.bytes[..self.used]
    }
}

/// Two sockets that are kept, and a buffer.
pub struct Netlink {
    route: Option<OwnedFd>,
    diag: Option<OwnedFd>,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens nothing: a machine without netlink costs the collectors that need it.
    pub fn new() -> Self {
        Netlink { route: None, diag: None, buffer: vec![0; BUFFER_BYTES], sequence: 0 }
    }

    /// See [`super::Io::dump`].
    pub fn dump(&mut self, what: Dump, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        match what {
            Dump::Links => {
                // Every message names its link, so one that comes twice does no harm, and one that is missing does.
                for _ in 0..INTERRUPTIONS_MAX {
                    if !self.ask(Request::links(), each)? {
                        return Ok(());
                    }
                }
                Ok(())
            }
            Dump::Neighbours => self.ask(Request::neighbours(), each).map(|_interrupted| ()),
            Dump::Addresses => self.ask(Request::addresses(), each).map(|_interrupted| ()),
            Dump::TcpSockets => {
                self.ask(Request::tcp(AF_INET), each)?;
                match self.ask(Request::tcp(AF_INET6), each) {
                    // A kernel without IPv6 has no such sockets.
                    Ok(_) | Err(ReadError::Missing | ReadError::Unsupported) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// One dump; was it interrupted? After a failure the socket is made anew: it may hold the rest of the answer.
    fn ask(&mut self, mut request: Request, each: &mut dyn FnMut(&[u8])) -> Result<bool, ReadError> {
        self.sequence = self.sequence.wrapping_add(1);
        let (kept, protocol) =
            if request.diag { (&mut self.diag, Some(netlink::SOCK_DIAG)) } else { (&mut self.route, None) };
        let socket = match kept.take() {
            Some(socket) => socket,
            None => open(protocol)?,
        };
        let bytes = request.number(self.sequence);
        send(&socket, bytes, SendFlags::empty()).map_err(classify)?;
        let interrupted = receive(&socket, &mut self.buffer, &request, self.sequence, each)?;
        *kept = Some(socket);
        Ok(interrupted)
    }
}

impl Default for Netlink {
    fn default() -> Self {
        Self::new()
    }
}

fn open(protocol: Option<Protocol>) -> Result<OwnedFd, ReadError> {
    socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol).map_err(classify)
}

/// Takes datagrams until the dump is done. The kernel puts the next part into the queue before it returns one, so an
/// empty queue is a failure and never waited for.
fn receive(
    socket: &OwnedFd,
    buffer: &mut [u8],
    request: &Request,
    sequence: u32,
    each: &mut dyn FnMut(&[u8]),
) -> Result<bool, ReadError> {
    let mut interrupted = false;
    for _ in 0..DATAGRAMS_MAX {
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let (used, length) = match recv(socket, &mut *buffer, flags) {
            Ok(received) => received,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Err(ReadError::Failed),
            Err(errno) => return Err(classify(errno)),
        };
        if length > used {
            return Err(ReadError::TooLong);
        }
        let datagram = buffer.get(..used).unwrap_or(&[]);
        if absorb(datagram, request, sequence, &mut interrupted, each)? == Progress::Done {
            return Ok(interrupted);
        }
    }
    Err(ReadError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(16 + payload.len()).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    type Absorbed = (Result<Progress, ReadError>, Vec<Vec<u8>>, bool);

    fn run(datagram: &[u8]) -> Absorbed {
        let (mut seen, mut interrupted) = (Vec::new(), false);
        let result = absorb(datagram, &Request::links(), 7, &mut interrupted, &mut |payload| {
            seen.push(payload.to_vec());
        });
        (result, seen, interrupted)
    }

    #[test]
    fn messages_of_our_request_are_handed_on_and_others_are_not() {
        let mut datagram = message(RTM_NEWLINK, 2, 7, b"first");
        datagram.extend(message(RTM_NEWLINK, 2, 6, b"stale"));
        datagram.extend(message(RTM_NEWNEIGH, 2, 7, b"other"));
        datagram.extend(message(RTM_NEWLINK, 2 | NLM_F_DUMP_INTR, 7, b"second"));
        let expect = vec![b"first".to_vec(), b"second".to_vec()];
        assert_eq!(run(&datagram), (Ok(Progress::More), expect.clone(), true));
        datagram.extend(message(NLMSG_DONE, 2, 7, &0_i32.to_ne_bytes()));
        datagram.extend(message(RTM_NEWLINK, 2, 7, b"after the end"));
        assert_eq!(run(&datagram), (Ok(Progress::Done), expect, true));
    }

    #[test]
    fn errors_of_the_kernel_have_their_kind() {
        let failed = |kind, number: i32| run(&message(kind, 0, 7, &number.to_ne_bytes())).0;
        assert_eq!(failed(NLMSG_ERROR, -libc::EPERM), Err(ReadError::Denied));
        assert_eq!(failed(NLMSG_ERROR, -libc::EOPNOTSUPP), Err(ReadError::Unsupported));
        assert_eq!(failed(NLMSG_ERROR, 0), Ok(Progress::More));
        assert_eq!(failed(NLMSG_ERROR, i32::MIN), Err(ReadError::Failed));
        assert_eq!(failed(NLMSG_DONE, -libc::ENOENT), Err(ReadError::Missing));
        assert_eq!(run(&message(NLMSG_DONE, 0, 7, b"")).0, Ok(Progress::Done));
    }

    #[test]
    fn a_datagram_cut_anywhere_gives_whole_messages_or_an_error() {
        let mut datagram = message(RTM_NEWLINK, 2, 7, b"first");
        datagram.extend(message(RTM_NEWLINK, 2, 7, b"second one"));
        for cut in 0..datagram.len() {
            let (result, seen, _) = run(&datagram[..cut]);
            // The padding of a last message may be missing.
            let whole = usize::from(cut >= 21) + usize::from(cut >= 50);
            assert_eq!(seen.len(), whole, "cut at {cut}");
            assert_eq!(result.is_ok(), matches!(cut, 0 | 21..=24 | 50..), "cut at {cut}");
        }
    }

    #[test]
    fn lengths_that_are_not_possible_end_the_walk() {
        for length in [0, 1, 15, 17, u32::MAX] {
            let mut datagram = message(RTM_NEWLINK, 2, 7, b"");
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(run(&datagram).0, Err(ReadError::Failed));
        }
    }

    #[test]
    fn the_loopback_link_is_in_the_dump_of_this_machine() {
        let mut netlink = Netlink::new();
        for _ in 0..3 {
            let mut links = 0;
            match netlink.dump(Dump::Links, &mut |payload| {
                // struct ifinfomsg, then the attribute IFLA_IFNAME of "lo".
                links += usize::from(payload.windows(8).any(|part| part == [7, 0, 3, 0, b'l', b'o', 0, 0]));
            }) {
                Ok(()) => assert_eq!(links, 1),
                Err(ReadError::Denied | ReadError::Unsupported | ReadError::Failed) => {
                    println!("skipped: this machine does not allow netlink");
                    return;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_listening_socket_is_in_the_dump_of_this_machine() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_be_bytes();
        let mut netlink = Netlink::new();
        let mut found = 0;
        let result = netlink.dump(Dump::TcpSockets, &mut |payload| {
            // struct inet_diag_msg: family, state (10: listening), timer, retransmits, source port.
            found += usize::from(payload.get(..2) == Some(&[2, 10]) && payload.get(4..6) == Some(&port));
        });
        match result {
            Ok(()) => assert_eq!(found, 1),
            Err(error) => println!("skipped: this machine does not allow sock_diag: {error:?}"),
        }
        for (what, header) in [(Dump::Neighbours, 12), (Dump::Addresses, 8)] {
            let answer = netlink.dump(what, &mut |payload| assert!(payload.len() >= header));
            assert!(answer.is_ok() || result.is_err(), "{what:?} {answer:?}");
        }
    }
}
