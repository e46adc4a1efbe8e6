use std::collections::HashMap;
use std::hash::Hash;

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
        // Gathered first, so that the map has its size from the beginning: growing it costs as much again.
        let rows: Vec<(K, u32)> = rows.collect();
        let mut group_of: HashMap<K, u32> = HashMap::with_capacity(rows.len());
        let named = rows.into_iter().map(|(key, row)| {
            let next = group_of.len() as u32;
            (*group_of.entry(key).or_insert(next), row)
        });
        let named: Vec<(u32, u32)> = named.collect();
        let groups = group_of.len();
        let met: Vec<(u32, u32)> = match groups {
            0 => Vec::new(),
            _ => receipts
                .filter_map(|(key, receipt)| Some((*group_of.get(&key)?, receipt)))
                .collect(),
        };
        Groups {
            rows: Side::of(&named, groups),
            receipts: Side::of(&met, groups),
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
    fn of(pairs: &[(u32, u32)], groups: usize) -> Side {
        let mut starts = vec![0u32; groups + 1];
        for (group, _) in pairs {
            starts[*group as usize + 1] += 1;
        }
        for g in 0..groups {
            starts[g + 1] += starts[g];
        }
        let mut next = starts.clone();
        let mut members = vec![0u32; pairs.len()];
        for (group, position) in pairs {
            let at = &mut next[*group as usize];
            members[*at as usize] = *position;
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
