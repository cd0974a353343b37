//! Packets of 188 bytes (ISO/IEC 13818-1 2.4.3).

use bytes::Bytes;

/// Length of a packet.
pub(super) const LENGTH: usize = 188;
const HEADER: usize = 4;
/// Longest payload of a packet.
pub(super) const PAYLOAD: usize = LENGTH - HEADER;
const SYNC: u8 = 0x47;
const NULL_PID: u16 = 0x1fff;
/// Bit of the second byte: a table or a PES packet begins.
const UNIT_START: u8 = 0x40;
/// Values of `adaptation_field_control` and `continuity_counter` in the fourth byte.
const HAS_ADAPTATION: u8 = 0x20;
const HAS_PAYLOAD: u8 = 0x10;
/// Flags of the adaptation field.
const DISCONTINUITY: u8 = 0x80;
const RANDOM_ACCESS: u8 = 0x40;
const HAS_PCR: u8 = 0x10;
const STUFFING: u8 = 0xff;

/// Null packets, which receivers drop.
const NULLS: usize = 64;
static NULL_PACKETS: [u8; NULLS * LENGTH] = {
    let mut packets = [STUFFING; NULLS * LENGTH];
    let mut at = 0;
    while at < packets.len() {
        packets[at] = SYNC;
        packets[at + 1] = (NULL_PID >> 8) as u8;
        packets[at + 2] = NULL_PID as u8;
        packets[at + 3] = HAS_PAYLOAD;
        at += LENGTH;
    }
    packets
};

/// `count` null packets, as slices of one constant.
pub(super) fn nulls(count: usize) -> impl Iterator<Item = Bytes> {
    let block = Bytes::from_static(&NULL_PACKETS);
    let rest = count % NULLS;
    let tail = (rest > 0).then(|| block.slice(..rest * LENGTH));
    std::iter::repeat_n(block, count / NULLS).chain(tail)
}

/// What the adaptation field of the first packet of a PES packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// Decoding may start here.
    pub(super) random_access: bool,
    /// Packets before this one are missing.
    pub(super) discontinuity: bool,
}

impl Entry {
    fn flags(self) -> u8 {
        let random_access = if self.random_access { RANDOM_ACCESS } else { 0 };
        random_access | if self.discontinuity { DISCONTINUITY } else { 0 }
    }
}

/// Number of packets for a PES packet of `length` bytes with this adaptation field.
pub(super) fn count(length: usize, entry: Entry) -> usize {
    let adaptation = if entry.flags() == 0 { 0 } else { 2 };
    (length + adaptation).div_ceil(PAYLOAD)
}

/// Appends a PES packet in `packets` packets, at least [`count`] and at most as many as it has bytes. `counter` is the
/// continuity counter of the first.
pub(super) fn append_pes(
    out: &mut Vec<u8>,
    (pid, counter): (u16, usize),
    pes: &[u8],
    (packets, entry): (usize, Entry),
) {
    let mut rest = pes;
    for index in 0..packets {
        let flags = if index == 0 { entry.flags() } else { 0 };
        let room = PAYLOAD - if flags == 0 { 0 } else { 2 };
        let length = rest.len().min(room).min(rest.len().saturating_sub(packets - index - 1));
        let (payload, after) = rest.split_at(length);
        rest = after;
        let start = if index == 0 { UNIT_START } else { 0 };
        append_header(out, (pid, start), HAS_PAYLOAD, counter + index);
        let adaptation = PAYLOAD - length;
        if adaptation > 0 {
            let at = out.len() - 1;
            out[at] |= HAS_ADAPTATION;
            out.push((adaptation - 1) as u8);
            if adaptation > 1 {
                out.push(flags);
                out.extend(std::iter::repeat_n(STUFFING, adaptation - 2));
            }
        }
        out.extend_from_slice(payload);
    }
}

/// Appends a packet with a table, filled up.
pub(super) fn append_table(out: &mut Vec<u8>, pid: u16, counter: usize, section: &[u8]) {
    append_header(out, (pid, UNIT_START), HAS_PAYLOAD, counter);
    // pointer_field: the section begins immediately.
    out.push(0);
    out.extend_from_slice(section);
    out.extend(std::iter::repeat_n(STUFFING, PAYLOAD - 1 - section.len()));
}

/// Appends a packet that has a program clock reference in units of 27 MHz and no payload. Its continuity counter is that
/// of the packet before.
pub(super) fn append_clock(out: &mut Vec<u8>, (pid, counter): (u16, usize), clock: u64, discontinuity: bool) {
    append_header(out, (pid, 0), HAS_ADAPTATION, counter);
    out.push((PAYLOAD - 1) as u8);
    out.push(HAS_PCR | if discontinuity { DISCONTINUITY } else { 0 });
    // 33 bits of 90 kHz, six reserved bits, and the rest in nine bits (2.4.3.5).
    let (base, extension) = (clock / 300 % (1 << 33), clock % 300);
    let field = base << 15 | 0x3f << 9 | extension;
    out.extend_from_slice(&field.to_be_bytes()[2..]);
    out.extend(std::iter::repeat_n(STUFFING, PAYLOAD - 8));
}

/// PID of a packet.
pub(super) fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// Continuity counter of a packet.
pub(super) fn counter(packet: &[u8]) -> usize {
    usize::from(packet[3] & 0x0f)
}

fn append_header(out: &mut Vec<u8>, (pid, start): (u16, u8), control: u8, counter: usize) {
    let [high, low] = pid.to_be_bytes();
    out.extend_from_slice(&[SYNC, start | high, low, control | (counter % 16) as u8]);
}
