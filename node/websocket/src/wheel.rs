//! Deadlines of many connections on one coarse wheel: forty bytes a connection and no timer.
//!
//! Deadlines mostly move away, with every message. So an entry stays in its slot when its deadline
//! moves on, and is looked at again when the slot's turn comes.

use core::task::Waker;

/// Slots of the wheel. A deadline further away than this many ticks is looked at in between.
const SLOTS: u32 = 512;
/// No entry.
const NONE: u32 = u32::MAX;

/// A point in time in ticks; [`NEVER`] is none.
pub(crate) type Tick = u32;
/// Later than everything: at two ticks a second it is 68 years away.
pub(crate) const NEVER: Tick = u32::MAX;

/// Whose turn it is when.
#[derive(Debug)]
pub(crate) struct Wheel {
    entries: Vec<Entry>,
    /// The first free entry.
    free: u32,
    used: usize,
    /// The first entry of each slot.
    slots: Box<[u32]>,
    /// The tick whose slot was emptied last.
    now: Tick,
}

#[derive(Debug)]
struct Entry {
    waker: Option<Waker>,
    deadline: Tick,
    slot: u32,
    before: u32,
    /// The next of the slot, or of the free list.
    behind: u32,
}

/// Names an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(u32);

impl Default for Wheel {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            used: 0,
            slots: vec![NONE; SLOTS as usize].into_boxed_slice(),
            now: 0,
        }
    }
}

impl Wheel {
    /// Adds an entry without a deadline.
    pub(crate) fn add(&mut self) -> Key {
        self.used += 1;
        let entry = Entry {
            waker: None,
            deadline: NEVER,
            slot: NONE,
            before: NONE,
            behind: NONE,
        };
        if self.free == NONE {
            self.entries.push(entry);
            // As many entries as connections, which have numbers of 32 bits.
            return Key(self.entries.len() as u32 - 1);
        }
        let key = self.free;
        self.free = self.entries[key as usize].behind;
        self.entries[key as usize] = entry;
        Key(key)
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, key: Key) {
        self.unlink(key.0);
        let entry = &mut self.entries[key.0 as usize];
        entry.waker = None;
        entry.behind = self.free;
        self.free = key.0;
        self.used -= 1;
    }

    /// Entries.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Sets a deadline and who is woken at it.
    pub(crate) fn set(&mut self, key: Key, deadline: Tick, waker: &Waker) {
        let now = self.now;
        let entry = &mut self.entries[key.0 as usize];
        match &mut entry.waker {
            Some(known) => known.clone_from(waker),
            None => entry.waker = Some(waker.clone()),
        }
        entry.deadline = deadline;
        let looked_at = look_at(deadline, now);
        // A slot that comes before the deadline will do: the entry moves on from there.
        if entry.slot != NONE && turns_until(entry.slot, now) <= looked_at - now {
            return;
        }
        self.unlink(key.0);
        self.link(key.0, looked_at % SLOTS);
    }

    /// Wakes everybody whose deadline is `now` or was before.
    pub(crate) fn advance(&mut self, now: Tick) {
        // After a pause of more than a round every slot has had its turn once.
        let first = (self.now + 1).max(now.saturating_sub(SLOTS - 1));
        for tick in first..=now {
            self.now = tick;
            self.turn(tick, now);
        }
    }

    fn turn(&mut self, tick: Tick, now: Tick) {
        let mut at = core::mem::replace(&mut self.slots[(tick % SLOTS) as usize], NONE);
        while at != NONE {
            let entry = &mut self.entries[at as usize];
            let next = entry.behind;
            (entry.slot, entry.before, entry.behind) = (NONE, NONE, NONE);
            if entry.deadline <= now {
                entry.deadline = NEVER;
                if let Some(waker) = entry.waker.take() {
                    waker.wake();
                }
            } else if entry.deadline != NEVER {
                let slot = look_at(entry.deadline, now) % SLOTS;
                self.link(at, slot);
            }
            at = next;
        }
    }

    fn link(&mut self, key: u32, slot: u32) {
        let first = core::mem::replace(&mut self.slots[slot as usize], key);
        if first != NONE {
            self.entries[first as usize].before = key;
        }
        let entry = &mut self.entries[key as usize];
        (entry.slot, entry.before, entry.behind) = (slot, NONE, first);
    }

    fn unlink(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        let (slot, before, behind) = (entry.slot, entry.before, entry.behind);
        if slot == NONE {
            return;
        }
        (entry.slot, entry.before, entry.behind) = (NONE, NONE, NONE);
        match before {
            NONE => self.slots[slot as usize] = behind,
            before => self.entries[before as usize].behind = behind,
        }
        if behind != NONE {
            self.entries[behind as usize].before = before;
        }
    }
}

/// The tick at which an entry is looked at next: its deadline, unless the wheel is too small.
fn look_at(deadline: Tick, now: Tick) -> Tick {
    deadline.clamp(now + 1, now + SLOTS - 1)
}

/// In how many ticks a slot has its turn.
fn turns_until(slot: u32, now: Tick) -> u32 {
    match (slot + SLOTS - now % SLOTS) % SLOTS {
        0 => SLOTS,
        turns => turns,
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU32, Ordering};
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    /// The tick at which the entry is woken, advancing one by one.
    fn woken_at(wheel: &mut Wheel, count: &Count, until: Tick) -> Option<Tick> {
        let before = count.0.load(Ordering::Relaxed);
        (wheel.now + 1..=until).find(|&tick| {
            wheel.advance(tick);
            count.0.load(Ordering::Relaxed) > before
        })
    }

    #[test]
    fn near_far_moved_and_past_deadlines() {
        let mut wheel = Wheel::default();
        let (count, waker) = counted();
        let key = wheel.add();
        for (set, moved) in [
            (3, 3),
            (600, 600),
            (5_000, 5_000),
            (10, 2_000),
            (2_000, 10),
            (511, 512),
            (1, 1),
        ] {
            let began = wheel.now;
            wheel.set(key, began + set, &waker);
            wheel.set(key, began + moved, &waker);
            let due = began + moved;
            assert_eq!(woken_at(&mut wheel, &count, due + 2_000), Some(due));
        }
        // The past is the next tick.
        let now = wheel.now;
        wheel.set(key, now.saturating_sub(5), &waker);
        assert_eq!(woken_at(&mut wheel, &count, now + 10), Some(now + 1));
        // A long pause wakes once, at its end.
        wheel.set(key, wheel.now + 700, &waker);
        let before = count.0.load(Ordering::Relaxed);
        wheel.advance(wheel.now + 10_000);
        assert_eq!(count.0.load(Ordering::Relaxed), before + 1);
    }

    #[test]
    fn removed_entries_are_not_woken_and_their_room_is_used_again() {
        let mut wheel = Wheel::default();
        let waiting: Vec<_> = (0..1_000)
            .map(|at| {
                let (count, waker) = counted();
                let key = wheel.add();
                wheel.set(key, 1 + at % 700, &waker);
                (count, key)
            })
            .collect();
        for (_, key) in waiting.iter().step_by(2) {
            wheel.remove(*key);
        }
        wheel.advance(300);
        wheel.advance(701);
        for (at, (count, _)) in waiting.iter().enumerate() {
            assert_eq!(count.0.load(Ordering::Relaxed), at as u32 % 2, "{at}");
        }
        let room = wheel.entries.len();
        for _ in 0..500 {
            wheel.add();
        }
        assert_eq!((wheel.len(), wheel.entries.len()), (1_000, room));
    }
}
