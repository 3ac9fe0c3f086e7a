//! What the connections of a worker thread share, so that one that waits holds nothing.

use core::cell::{Cell, RefCell};
use core::task::Waker;
use core::time::Duration;
use std::rc::Rc;

use tokio::time::{Instant, sleep};

use crate::deflate::Inflate;
use crate::limits::{READ_BYTES, WRITE_BYTES};
use crate::wheel::{Key, Tick, Wheel};

/// How coarse the clock of connections is.
const TICK: Duration = Duration::from_millis(500);
/// The golden ratio of 2^64: its multiples fill a range evenly, however many there are.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// What the connections of a worker thread share: buffers, a decompressor, a wheel of deadlines.
/// It needs a `LocalSet`, as the workers of the edge are.
pub struct Local {
    wheel: RefCell<Wheel>,
    tick: Duration,
    began: Instant,
    now: Cell<Tick>,
    ticking: Cell<bool>,
    read: Cell<Vec<u8>>,
    write: Cell<Vec<u8>>,
    pub(crate) inflate: RefCell<Inflate>,
    spread: Cell<u64>,
}

impl Local {
    /// For a worker thread.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Self::with_tick(TICK)
    }

    /// With a finer or coarser clock. All times of connections are rounded up to it.
    #[must_use]
    pub fn with_tick(tick: Duration) -> Rc<Self> {
        Rc::new(Self {
            wheel: RefCell::default(),
            tick: tick.max(Duration::from_millis(1)),
            began: Instant::now(),
            now: Cell::new(0),
            ticking: Cell::new(false),
            read: Cell::default(),
            write: Cell::default(),
            inflate: RefCell::default(),
            spread: Cell::new(0),
        })
    }

    /// Sessions on this thread.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.wheel.borrow().len()
    }

    /// The time as of the last tick.
    pub(crate) fn now(&self) -> Tick {
        self.now.get()
    }

    /// How many ticks a time takes, at least one.
    pub(crate) fn ticks(&self, wait_ms: u64) -> Tick {
        let tick_ms = self.tick.as_millis().max(1) as u64;
        let ticks = wait_ms.div_ceil(tick_ms).max(1);
        // A year of ticks is for ever; it keeps sums of ticks within their 32 bits.
        u32::try_from(ticks).map_or(1 << 30, |ticks| ticks.min(1 << 30))
    }

    /// A tick from 0 to `ticks`, spread evenly over all that ask.
    pub(crate) fn spread(&self, ticks: Tick) -> Tick {
        let at = self.spread.get().wrapping_add(GOLDEN);
        self.spread.set(at);
        // The product of two numbers of 32 bits, without its lower half, is below `ticks`.
        (((at >> 32) * u64::from(ticks)) >> 32) as Tick
    }

    /// The buffer to read into; to be given back.
    pub(crate) fn take_read(&self) -> Vec<u8> {
        let mut buffer = self.read.take();
        buffer.resize(READ_BYTES, 0);
        buffer
    }

    pub(crate) fn give_read(&self, buffer: Vec<u8>) {
        self.read.set(buffer);
    }

    /// An empty buffer to gather frames in; to be given back.
    pub(crate) fn take_write(&self) -> Vec<u8> {
        let mut buffer = self.write.take();
        buffer.clear();
        buffer.reserve(WRITE_BYTES);
        buffer
    }

    pub(crate) fn give_write(&self, buffer: Vec<u8>) {
        self.write.set(buffer);
    }

    fn advance(&self) {
        let ticks = self.began.elapsed().as_millis() / self.tick.as_millis().max(1);
        let now = u32::try_from(ticks).unwrap_or(Tick::MAX - 1);
        self.now.set(now);
        self.wheel.borrow_mut().advance(now);
    }

    /// Ticks for as long as there are sessions.
    fn keep_ticking(self: &Rc<Self>) {
        if self.ticking.replace(true) {
            return;
        }
        self.advance();
        let local = Rc::downgrade(self);
        let tick = self.tick;
        tokio::task::spawn_local(async move {
            loop {
                sleep(tick).await;
                let Some(local) = local.upgrade() else { return };
                local.advance();
                if local.sessions() == 0 {
                    local.ticking.set(false);
                    return;
                }
            }
        });
    }
}

/// The deadline of one session.
pub(crate) struct Timer {
    local: Rc<Local>,
    key: Key,
    /// When the wheel will wake it.
    armed: Tick,
    waker: Option<Waker>,
}

impl Timer {
    pub(crate) fn new(local: &Rc<Local>) -> Self {
        local.keep_ticking();
        let key = local.wheel.borrow_mut().add();
        Self {
            local: Rc::clone(local),
            key,
            armed: crate::wheel::NEVER,
            waker: None,
        }
    }

    /// Wakes the task at `deadline`, or earlier if an earlier one was set and is not over.
    pub(crate) fn arm(&mut self, deadline: Tick, waker: &Waker) {
        let known = self
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker));
        let waits = self.armed > self.local.now();
        if known && waits && self.armed <= deadline {
            return;
        }
        if !known {
            self.waker = Some(waker.clone());
        }
        self.armed = deadline;
        let mut wheel = self.local.wheel.borrow_mut();
        wheel.set(self.key, deadline, waker);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.local.wheel.borrow_mut().remove(self.key);
    }
}
