//! adjtimex(2), which rustix does not have.
#![expect(unsafe_code, reason = "a call of the C library")]

use super::{ReadError, Timex, syscall};
use rustix::io::Errno;

/// Reads the state of the kernel's clock; changes nothing.
pub fn read() -> Result<Timex, ReadError> {
    // SAFETY: `timex` is plain numbers, for which all zeroes is a value; `modes` 0 asks for no change.
    let mut raw: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `raw` is a live, exclusive and initialised `timex`, which adjtimex only reads and writes.
    let state = unsafe { libc::adjtimex(&raw mut raw) };
    if state < 0 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        return Err(syscall::classify(Errno::from_raw_os_error(errno)));
    }
    Ok(Timex {
        state,
        offset: raw.offset,
        freq: raw.freq,
        maxerror: raw.maxerror,
        esterror: raw.esterror,
        status: raw.status,
        constant: raw.constant,
        tick: raw.tick,
        ppsfreq: raw.ppsfreq,
        jitter: raw.jitter,
        shift: raw.shift,
        stabil: raw.stabil,
        jitcnt: raw.jitcnt,
        calcnt: raw.calcnt,
        errcnt: raw.errcnt,
        stbcnt: raw.stbcnt,
        tai: raw.tai,
    })
}
