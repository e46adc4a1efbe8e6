//! Rows and receipts joined by a key: the groups of both sides that share one.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Positions of rows and receipts that share a key, in one walk over each side.
///
/// Groups stand in the order in which the rows named them, and positions inside a group in the order in
/// which they were given. The map is only asked, never walked, so its order shows nowhere. Keys that no row
/// has take no room: what has found its partner already costs a look-up and nothing else.
pub(super) struct Groups {
    rows: Side,
    receipts: Side,
}

/// One side: the members of group g are `members[starts[g]..starts[g + 1]]`.
struct Side {
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Groups {
    /// Joins two sides of (key, position).
    pub(super) fn join<K: Hash + Eq>(
        rows: impl Iterator<Item = (K, u32)>,
        receipts: impl Iterator<Item = (K, u32)>,
    ) -> Groups {
        // Keys stand in a list and the table only points into it: a table of a million keys would be half empty
        // room for keys.
        // Room for as many as there may be: what is not used is never touched, and growing costs as much again.
        let most = rows.size_hint().1.unwrap_or(0);
        let mut keys = Vec::with_capacity(most);
        let mut members = Vec::with_capacity(most);
        for (key, row) in rows {
            keys.push(key);
            members.push(row);
        }
        let hasher = RandomState::new();
        let mut first_with_key: HashTable<u32> = HashTable::with_capacity(keys.len());
        let mut group_of: Vec<u32> = Vec::with_capacity(keys.len());
        let mut groups = 0;
        for (at, key) in (0u32..).zip(&keys) {
            let is_it = |first: &u32| keys[*first as usize] == *key;
            let rehash = |first: &u32| hasher.hash_one(&keys[*first as usize]);
            let group = match first_with_key.entry(hasher.hash_one(key), is_it, rehash) {
                Entry::Occupied(first) => group_of[*first.get() as usize],
                Entry::Vacant(room) => {
                    room.insert(at);
                    groups += 1;
                    groups - 1
                }
            };
            group_of.push(group);
        }
        let met: Vec<(u32, u32)> = match groups {
            0 => Vec::new(),
            _ => receipts
                .filter_map(|(key, receipt)| {
                    let is_it = |first: &u32| keys[*first as usize] == key;
                    let first = first_with_key.find(hasher.hash_one(&key), is_it)?;
                    Some((group_of[*first as usize], receipt))
                })
                .collect(),
        };
        drop((keys, first_with_key));
        let groups = groups as usize;
        let receipts = Side::of(met.iter().copied(), groups);
        drop(met);
        Groups {
            rows: Side::of(group_of.iter().copied().zip(members.iter().copied()), groups),
            receipts,
        }
    }

    /// Each group: its rows, at least one, and its receipts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u32], &[u32])> {
        let groups = self.rows.starts.len().saturating_sub(1);
        (0..groups).map(|g| (self.rows.of_group(g), self.receipts.of_group(g)))
    }
}

impl Side {
    /// Sorts by group by counting, which keeps the order inside each.
    fn of(pairs: impl ExactSizeIterator<Item = (u32, u32)> + Clone, groups: usize) -> Side {
        let mut starts = vec![0u32; groups + 1];
        for (group, _) in pairs.clone() {
            starts[group as usize + 1] += 1;
        }
        for g in 0..groups {
            starts[g + 1] += starts[g];
        }
        let mut next = starts.clone();
        let mut members = vec![0u32; pairs.len()];
        for (group, position) in pairs {
            let at = &mut next[group as usize];
            members[*at as usize] = position;
            *at += 1;
        }
        Side { starts, members }
    }

    fn of_group(&self, g: usize) -> &[u32] {
        &self.members[self.starts[g] as usize..self.starts[g + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_of_rows_and_drop_keys_that_no_row_has() {
        let rows = [("b", 0), ("a", 1), ("b", 2)];
        let receipts = [("a", 7), ("c", 8), ("b", 9), ("a", 10)];
        let groups = Groups::join(rows.into_iter(), receipts.into_iter());
        let all: Vec<_> = groups.iter().collect();
        assert_eq!(all, [(&[0, 2][..], &[9][..]), (&[1][..], &[7, 10][..])]);
        let none = Groups::join(std::iter::empty::<(u8, u32)>(), [(1, 1)].into_iter());
        assert_eq!(none.iter().count(), 0);
    }
}
