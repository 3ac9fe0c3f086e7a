//! The table of this node's connections: a slot each, found by index. One lock, held for a look
//! or an entry and never while anything is sent or waited for.
//!
//! A connection has its slot from before `$connect` is asked. What is sent to it meanwhile waits
//! in its queue and goes out behind the handshake, so a back end may answer a client from within
//! `$connect`; on AWS that is a 410.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_state::NodeId;
use tollgate_websocket::{Limits, Receiver, Sender, channel};

use super::id::{ConnectionId, Tagger};

/// What is known of a connection, from its handshake.
#[derive(Debug)]
pub(crate) struct Known {
    /// The API.
    pub(crate) api_id: Arc<str>,
    /// The stage.
    pub(crate) stage: Arc<str>,
    /// When the handshake came, in ms since the epoch.
    pub(crate) connected_at_ms: u64,
    /// The client's address.
    pub(crate) source_ip: Arc<str>,
    /// What the client calls itself.
    pub(crate) user_agent: Box<str>,
}

/// A connection as those who send to it see it.
#[derive(Clone)]
pub(crate) struct Held {
    /// Its queue.
    pub(crate) sender: Sender,
    /// What is known of it.
    pub(crate) known: Arc<Known>,
}

/// The connections of this node.
pub(crate) struct Places {
    node: NodeId,
    incarnation: u32,
    tagger: Tagger,
    limits: Limits,
    /// Connections at a time.
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    /// Slots without a connection whose generations are not used up.
    free: Vec<u32>,
    held: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    held: Option<Held>,
    /// The session's end of the queue, until the connection opens.
    receiver: Option<Receiver>,
}

impl Places {
    /// No connections yet, of at most `max`, of this life of the node.
    pub(crate) fn new(
        (node, incarnation): (NodeId, u32),
        secret: &[u8; 32],
        limits: Limits,
        max: usize,
    ) -> Self {
        Self {
            node,
            incarnation,
            tagger: Tagger::new(secret),
            limits,
            max,
            table: Mutex::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic while it is held leaves nothing half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bounds of connections.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Which node and which life of it this is.
    pub(crate) fn owner(&self) -> (NodeId, u32) {
        (self.node, self.incarnation)
    }

    /// Connections that are open or about to be.
    pub(crate) fn count(&self) -> usize {
        self.table().held
    }

    /// Messages that wait for clients, over all connections.
    pub(crate) fn queued(&self) -> usize {
        let table = self.table();
        let held = table.slots.iter().filter_map(|it| it.held.as_ref());
        held.map(|it| it.sender.queued().0).sum()
    }

    /// The id of a text, wherever its connection is; `None` for one that nobody here made.
    pub(crate) fn read(&self, text: &str) -> Option<ConnectionId> {
        self.tagger.read(text)
    }

    /// A place for a connection, and its id; `None` when there are as many as may be.
    pub(crate) fn reserve(&self, known: Known) -> Option<String> {
        let (sender, receiver) = channel(&self.limits);
        let mut table = self.table();
        if table.held >= self.max {
            return None;
        }
        let slot = match table.free.pop() {
            Some(slot) => slot,
            None => {
                let next = u32::try_from(table.slots.len()).ok()?;
                table.slots.push(Slot::default());
                next
            }
        };
        table.held += 1;
        let place = table.slots.get_mut(slot as usize)?;
        place.generation += 1;
        place.held = Some(Held {
            sender,
            known: Arc::new(known),
        });
        place.receiver = Some(receiver);
        let id = ConnectionId {
            node: self.node,
            incarnation: self.incarnation,
            slot,
            generation: place.generation,
        };
        drop(table);
        Some(self.tagger.write(&id))
    }

    /// Both ends of a reserved connection's queue, once.
    pub(crate) fn open(&self, id: &ConnectionId) -> Option<(Held, Receiver)> {
        let mut table = self.table();
        let slot = table.slot(id)?;
        let receiver = slot.receiver.take()?;
        Some((slot.held.clone()?, receiver))
    }

    /// A connection of this node, if it is still there.
    pub(crate) fn find(&self, id: &ConnectionId) -> Option<Held> {
        if (id.node, id.incarnation) != self.owner() {
            return None;
        }
        self.table().slot(id)?.held.clone()
    }

    /// The place is free again.
    pub(crate) fn release(&self, id: &ConnectionId) {
        let mut table = self.table();
        let Some(slot) = table.slot(id) else { return };
        let gone = (slot.held.take(), slot.receiver.take());
        let usable = slot.generation < u32::MAX;
        table.held -= 1;
        if usable {
            table.free.push(id.slot);
        }
        drop(table);
        // Ends of queues wake others as they go.
        drop(gone);
    }
}

impl Table {
    /// The slot of a connection that holds it.
    fn slot(&mut self, id: &ConnectionId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        (slot.generation == id.generation && slot.held.is_some()).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_websocket::{Outgoing, Sent};

    use super::*;

    fn places(max: usize) -> Places {
        Places::new((1, 2), &[0; 32], Limits::default(), max)
    }

    fn reserve(places: &Places) -> Option<(String, ConnectionId)> {
        let known = Known {
            api_id: "chat".into(),
            stage: "prod".into(),
            connected_at_ms: 1,
            source_ip: "10.0.0.1".into(),
            user_agent: "test".into(),
        };
        let text = places.reserve(known)?;
        let id = places.read(&text)?;
        Some((text, id))
    }

    #[test]
    fn a_place_is_bounded_and_its_id_is_never_used_again() {
        let places = places(2);
        let (first, id) = reserve(&places).unwrap();
        let (second, _) = reserve(&places).unwrap();
        assert_ne!(first, second);
        assert!(reserve(&places).is_none(), "two are all");
        places.release(&id);
        places.release(&id);
        assert_eq!(places.count(), 1);
        let (third, again) = reserve(&places).unwrap();
        assert_eq!(again.slot, id.slot);
        assert_ne!(third, first);
        assert!(places.find(&id).is_none() && places.find(&again).is_some());
    }

    #[test]
    fn what_is_sent_before_it_opens_waits_in_its_queue() {
        let places = places(1);
        let (_, id) = reserve(&places).unwrap();
        let held = places.find(&id).unwrap();
        assert_eq!(held.sender.try_send(&Outgoing::text("early")), Sent::Queued);
        let (opened, receiver) = places.open(&id).unwrap();
        assert_eq!(opened.sender.queued().0, 1);
        assert!(places.open(&id).is_none(), "it opens once");
        drop(receiver);
        assert_eq!(held.sender.try_send(&Outgoing::text("late")), Sent::Closed);
    }

    #[test]
    fn ids_of_other_nodes_and_lives_are_not_ours() {
        let places = places(1);
        let (_, id) = reserve(&places).unwrap();
        let other = ConnectionId { node: 2, ..id };
        let earlier = ConnectionId {
            incarnation: 1,
            ..id
        };
        assert!(places.find(&other).is_none() && places.find(&earlier).is_none());
    }
}
