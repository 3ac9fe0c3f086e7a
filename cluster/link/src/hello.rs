//! The first two frames of a connection: who dials whom for which lane, in which version.
//!
//! ```text
//! Hello:   "TGLK" | lowest version u16 | highest version u16 | lane u8 | cluster 16 | node u64 | meant node u64
//! Welcome: "TGLK" | version u16 | cluster 16 | node u64
//! ```
//! Under TLS the certificates have said who is who before; then the two must agree. Bytes after
//! these are for later versions and ignored.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::Lane;
use crate::frame::{Frame, FrameError, Shape};
use crate::name::{ClusterId, Member};

/// The version of frames and greetings that this release speaks.
pub(crate) const VERSION: u16 = 1;
const MAGIC: &[u8; 4] = b"TGLK";
/// The lane of those who are no member.
const JOIN: u8 = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) versions: (u16, u16),
    /// `None` of a joiner.
    pub(crate) lane: Option<Lane>,
    /// Who dials; all zero of a joiner.
    pub(crate) from: Member,
    /// Whom it means to reach; 0 of a joiner.
    pub(crate) to: u64,
}

impl Hello {
    pub(crate) fn member(from: Member, to: u64, lane: Lane) -> Self {
        Self {
            versions: (VERSION, VERSION),
            lane: Some(lane),
            from,
            to,
        }
    }

    pub(crate) fn joiner() -> Self {
        Self {
            versions: (VERSION, VERSION),
            lane: None,
            from: Member {
                cluster: ClusterId([0; 16]),
                node: 0,
            },
            to: 0,
        }
    }

    pub(crate) fn to_frame(self) -> Frame {
        let mut body = BytesMut::new();
        body.put_slice(MAGIC);
        body.put_u16_le(self.versions.0);
        body.put_u16_le(self.versions.1);
        body.put_u8(self.lane.map_or(JOIN, |lane| lane as u8));
        body.put_slice(&self.from.cluster.0);
        body.put_u64_le(self.from.node);
        body.put_u64_le(self.to);
        Frame::plain(Shape::Hello, 0, body.freeze())
    }

    pub(crate) fn read(frame: &Frame) -> Result<Self, FrameError> {
        let mut body = open(frame, Shape::Hello)?;
        let versions = (number(&mut body)?, number(&mut body)?);
        let lane = match body.try_get_u8().map_err(|_| FrameError::Body)? {
            JOIN => None,
            lane => Some(Lane::from_wire(lane).ok_or(FrameError::Body)?),
        };
        Ok(Self {
            versions,
            lane,
            from: member(&mut body)?,
            to: body.try_get_u64_le().map_err(|_| FrameError::Body)?,
        })
    }

    /// Whether [`VERSION`] is among the dialler's.
    pub(crate) fn fits(&self) -> bool {
        (self.versions.0..=self.versions.1).contains(&VERSION)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub(crate) version: u16,
    pub(crate) from: Member,
}

impl Welcome {
    pub(crate) fn new(from: Member) -> Self {
        Self {
            version: VERSION,
            from,
        }
    }

    pub(crate) fn to_frame(self) -> Frame {
        let mut body = BytesMut::new();
        body.put_slice(MAGIC);
        body.put_u16_le(self.version);
        body.put_slice(&self.from.cluster.0);
        body.put_u64_le(self.from.node);
        Frame::plain(Shape::Welcome, 0, body.freeze())
    }

    pub(crate) fn read(frame: &Frame) -> Result<Self, FrameError> {
        let mut body = open(frame, Shape::Welcome)?;
        Ok(Self {
            version: number(&mut body)?,
            from: member(&mut body)?,
        })
    }
}

fn open(frame: &Frame, shape: Shape) -> Result<Bytes, FrameError> {
    if frame.shape != shape {
        return Err(FrameError::OutOfPlace(frame.shape as u8));
    }
    let rest = frame.body.strip_prefix(MAGIC).ok_or(FrameError::Body)?;
    Ok(frame.body.slice_ref(rest))
}

fn number(body: &mut Bytes) -> Result<u16, FrameError> {
    body.try_get_u16_le().map_err(|_| FrameError::Body)
}

fn member(body: &mut Bytes) -> Result<Member, FrameError> {
    let mut cluster = [0; 16];
    body.try_copy_to_slice(&mut cluster)
        .map_err(|_| FrameError::Body)?;
    Ok(Member {
        cluster: ClusterId(cluster),
        node: body.try_get_u64_le().map_err(|_| FrameError::Body)?,
    })
}
