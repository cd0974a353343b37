//! Init segments (CMAF headers): `ftyp` and `moov` with empty sample tables (ISO/IEC 23000-19 7.3.1).

use mp4_atom::{
    Audio, Avc1, Avcc, Codec, Colr, Compressor, Dinf, Dref, Encode, Esds, FourCC, Ftyp, Hdlr, Kind, Mdhd, Mdia, Mehd,
    Minf, Moov, Mp4a, Mvex, Mvhd, Pasp, Smhd, Stbl, Stco, Stsc, Stsd, Stsz, Stts, Tkhd, Trak, Trex, Udta, Url, Visual,
    Vmhd,
    esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig},
};

use super::{Media, TRACK_ID};
use crate::base::timeline::{self, SAMPLE_RATE};

/// Decoder configuration of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configuration {
    /// H.264.
    Avc {
        /// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1).
        record: Vec<u8>,
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
    /// AAC-LC, stereo, 48 kHz.
    Aac {
        /// AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1).
        specific: Vec<u8>,
        /// Bits per second.
        bitrate: u32,
    },
}

impl Configuration {
    /// Video or audio.
    pub const fn kind(&self) -> timeline::Kind {
        match self {
            Self::Avc { .. } => timeline::Kind::Video,
            Self::Aac { .. } => timeline::Kind::Audio,
        }
    }

    /// The `codecs` string (RFC 6381). `None` if the record is too short.
    pub fn codec(&self) -> Option<String> {
        match self {
            Self::Avc { record, .. } => {
                let [profile, constraints, level] = *record.get(1..4)?.first_chunk()?;
                Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
            }
            Self::Aac { specific, .. } => Some(format!("mp4a.40.{}", specific.first()? >> 3)),
        }
    }

    /// The init segment of a track with this timescale. `None` if the record cannot be parsed.
    pub fn init_segment(&self, timescale: u32) -> Option<Media> {
        header(&self.ftyp(), &[(self, timescale)], None)
    }

    fn ftyp(&self) -> Ftyp {
        let profile = match self {
            Self::Avc { width, height, .. } if *width <= 1024 && *height <= 576 => b"cfsd",
            Self::Avc { .. } => b"cfhd",
            Self::Aac { .. } => b"caac",
        };
        let compatible = [b"cmf2", b"cmfc", b"iso6", b"iso9", b"dash", b"mp41", profile];
        Ftyp {
            major_brand: FourCC::new(b"cmf2"),
            minor_version: 0,
            compatible_brands: compatible.map(FourCC::new).to_vec(),
        }
    }

    fn trak(&self, track_id: u32, timescale: u32) -> Option<Trak> {
        Some(Trak {
            tkhd: self.tkhd(track_id),
            mdia: Mdia {
                mdhd: Mdhd { timescale, language: "und".into(), ..Mdhd::default() },
                hdlr: self.hdlr(),
                minf: self.minf()?,
            },
            // Role of the track (ISO/IEC 14496-12 8.10.4), with a value of the DASH role scheme.
            udta: Some(Udta {
                kind: vec![Kind { scheme_uri: "urn:mpeg:dash:role:2011".into(), value: "main".into() }],
                ..Udta::default()
            }),
            ..Trak::default()
        })
    }

    fn tkhd(&self, track_id: u32) -> Tkhd {
        let tkhd = Tkhd { track_id, enabled: true, in_movie: true, ..Tkhd::default() };
        match self {
            Self::Avc { width, height, .. } => Tkhd { width: (*width).into(), height: (*height).into(), ..tkhd },
            Self::Aac { .. } => Tkhd { volume: 1.into(), ..tkhd },
        }
    }

    fn hdlr(&self) -> Hdlr {
        let (handler, name) = match self {
            Self::Avc { .. } => (b"vide", "video"),
            Self::Aac { .. } => (b"soun", "audio"),
        };
        Hdlr { handler: FourCC::new(handler), name: name.into() }
    }

    fn minf(&self) -> Option<Minf> {
        let minf = Minf {
            dinf: Dinf { dref: Dref { entries: vec![Url::default().into()] } },
            stbl: Stbl {
                stsd: Stsd { codecs: vec![self.sample_entry()?] },
                stts: Stts::default(),
                stsc: Stsc::default(),
                stsz: Stsz::default(),
                stco: Some(Stco::default()),
                ..Stbl::default()
            },
            ..Minf::default()
        };
        Some(match self {
            Self::Avc { .. } => Minf { vmhd: Some(Vmhd::default()), ..minf },
            Self::Aac { .. } => Minf { smhd: Some(Smhd::default()), ..minf },
        })
    }

    fn sample_entry(&self) -> Option<Codec> {
        Some(match self {
            Self::Avc { record, width, height } => Codec::Avc1(avc1(record, *width, *height)?),
            Self::Aac { specific, bitrate } => Codec::Mp4a(mp4a(specific, *bitrate)?),
        })
    }
}

/// `ftyp` and `moov` of tracks with their timescales. Track ids count from [`TRACK_ID`]. `duration` is that of all fragments
/// in the timescale of the first track, if it is known.
pub(super) fn header(ftyp: &Ftyp, tracks: &[(&Configuration, u32)], duration: Option<u64>) -> Option<Media> {
    let numbered = || (TRACK_ID..).zip(tracks.iter());
    let trak = numbered().map(|(id, (configuration, timescale))| configuration.trak(id, *timescale));
    let trex = |id| Trex { track_id: id, default_sample_description_index: 1, ..Trex::default() };
    let moov = Moov {
        mvhd: Mvhd {
            timescale: tracks.first()?.1,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: TRACK_ID + tracks.len() as u32,
            ..Mvhd::default()
        },
        mvex: Some(Mvex {
            mehd: duration.map(|fragment_duration| Mehd { fragment_duration }),
            trex: numbered().map(|(id, _)| trex(id)).collect(),
        }),
        trak: trak.collect::<Option<_>>()?,
        ..Moov::default()
    };
    let mut bytes = Vec::with_capacity(2048);
    ftyp.encode(&mut bytes).ok()?;
    moov.encode(&mut bytes).ok()?;
    Some(bytes.into())
}

fn avc1(record: &[u8], width: u16, height: u16) -> Option<Avc1> {
    Some(Avc1 {
        visual: Visual {
            data_reference_index: 1,
            width,
            height,
            compressor: Compressor::from(""),
            ..Visual::default()
        },
        avcc: <Avcc as mp4_atom::Atom>::decode_body(&mut &record[..]).ok()?,
        btrt: None,
        // The pictures are drawn in BT.709 studio range.
        colr: Some(Colr::Nclx {
            colour_primaries: 1,
            transfer_characteristics: 1,
            matrix_coefficients: 1,
            full_range_flag: false,
        }),
        pasp: Some(Pasp { h_spacing: 1, v_spacing: 1 }),
        taic: None,
        fiel: None,
        spatial: None,
    })
}

fn mp4a(specific: &[u8], bitrate: u32) -> Option<Mp4a> {
    Some(Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: 2,
            sample_size: 16,
            sample_rate: u16::try_from(SAMPLE_RATE).ok()?.into(),
        },
        esds: Esds {
            es_desc: EsDescriptor {
                es_id: 0,
                dec_config: DecoderConfig {
                    object_type_indication: 0x40,
                    stream_type: 5,
                    up_stream: 0,
                    buffer_size_db: 0.try_into().ok()?,
                    max_bitrate: bitrate,
                    avg_bitrate: bitrate,
                    dec_specific: Some(DecoderSpecific {
                        profile: specific.first()? >> 3,
                        freq_index: 3,
                        chan_conf: 2,
                        raw: specific.to_vec(),
                    }),
                },
                sl_config: SLConfig::default(),
                ..EsDescriptor::default()
            },
        },
        btrt: None,
        taic: None,
    })
}
