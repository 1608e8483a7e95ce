//! What is known of each logical channel that has keys, of one direction of a leg: several channels may share a session.

/// Channels of a direction that have keys at a time; who opens more does it to fill memory, and the oldest goes.
pub(crate) const MOST_KEYED: usize = 4;

/// Something for each channel, by its number. It stays where it is made: keys that moved would leave copies that nobody
/// zeroes.
#[derive(Debug)]
pub(super) struct ByChannel<T>(Vec<(u16, Box<T>)>);

impl<T> Default for ByChannel<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByChannel<T> {
    /// What there is for a channel.
    pub(super) fn of(&mut self, channel: u16) -> Option<&mut T> {
        self.0.iter_mut().find(|(number, _)| *number == channel).map(|(_, one)| &mut **one)
    }

    /// Something new for a channel.
    pub(super) fn put(&mut self, channel: u16, new: T) {
        match self.of(channel) {
            Some(known) => *known = new,
            None => {
                self.0.insert(0, (channel, Box::new(new)));
                self.0.truncate(MOST_KEYED);
            }
        }
    }

    /// A channel is closed.
    pub(super) fn remove(&mut self, channel: u16) {
        self.0.retain(|(number, _)| *number != channel);
    }

    /// The newest channel for which this is so, and what there is for it; rather this one, if it is so for that.
    pub(super) fn find(
        &mut self,
        rather: Option<u16>,
        so: impl Fn(&T) -> bool,
    ) -> Option<(u16, &mut T)> {
        let at = self.0.iter().position(|(number, one)| Some(*number) == rather && so(one));
        let at = at.or_else(|| self.0.iter().position(|(_, one)| so(one)))?;
        self.0.get_mut(at).map(|(number, one)| (*number, &mut **one))
    }

    /// Everything there is, the newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, one)| &**one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_channel_does_not_move() {
        let mut all = ByChannel::default();
        all.put(1, [7; 64]);
        let at = |all: &mut ByChannel<[u8; 64]>| std::ptr::from_mut(all.of(1).unwrap());
        let place = at(&mut all);
        for channel in 2..=MOST_KEYED as u16 {
            all.put(channel, [0; 64]);
            assert_eq!(at(&mut all), place);
        }
        all.remove(2);
        assert_eq!(at(&mut all), place);
    }
}
