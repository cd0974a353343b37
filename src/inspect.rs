//! Servers as a client sees them: readers of playlists, MPDs and media that share no code with the writers of this
//! program, and the rules of HLS, DASH and CMAF that hold for any server; and the end of a chain, where the signal is measured.

pub mod boxes;
pub mod check;
pub mod difference;
pub mod fetch;
pub mod finding;
pub mod load;
pub mod manifest;
pub mod mpd;
pub mod playlist;
pub mod probe;
pub mod reply;
pub mod report;
pub mod rules;
pub mod stalls;
