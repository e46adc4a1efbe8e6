//! Connected parts: which rows and receipts hang together because they lie within reach of each other.

/// Where entries lie (a time in milliseconds, a day), and which entries they are.
pub(super) type Places = Vec<(i64, u32)>;

/// Rows and receipts that hang together, each in the order of its place, then of its number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    pub rows: Vec<u32>,
    pub receipts: Vec<u32>,
}

/// Clusters of rows and receipts that lie within `reach` of each other. What has nobody within reach is in
/// none. One walk over both sides in order: the receipts within reach of a row are neighbours, and both
/// ends of that stretch only move forward.
pub(super) fn clusters(mut rows: Places, mut receipts: Places, reach: i64) -> Vec<Cluster> {
    rows.sort_unstable();
    receipts.sort_unstable();
    let mut all: Vec<Cluster> = Vec::new();
    // Where the receipts of the last cluster end, and where those within reach of a row begin and end.
    let mut taken_to = 0;
    let mut from = 0;
    let mut to = 0;
    for (place, row) in rows {
        let low = place.saturating_sub(reach);
        let high = place.saturating_add(reach);
        while receipts.get(from).is_some_and(|(at, _)| *at < low) {
            from += 1;
        }
        to = to.max(from);
        while receipts.get(to).is_some_and(|(at, _)| *at <= high) {
            to += 1;
        }
        if from == to {
            continue;
        }
        let new = receipts[from.max(taken_to)..to]
            .iter()
            .map(|(_, receipt)| *receipt);
        match all.last_mut() {
            Some(last) if from < taken_to => {
                last.rows.push(row);
                last.receipts.extend(new);
            }
            _ => all.push(Cluster {
                rows: vec![row],
                receipts: new.collect(),
            }),
        }
        taken_to = to;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clusters_hang_together_through_candidates_only() {
        let cluster = |rows: &[u32], receipts: &[u32]| Cluster {
            rows: rows.to_vec(),
            receipts: receipts.to_vec(),
        };
        // Rows at 0 and 20 are neighbours, but only the second reaches the receipt at 40.
        let rows = vec![(0, 0), (20, 1), (100, 2), (130, 3)];
        let receipts = vec![(115, 7), (40, 8), (300, 9)];
        let all = clusters(rows, receipts, 20);
        assert_eq!(all, [cluster(&[1], &[8]), cluster(&[2, 3], &[7])]);
    }

    proptest! {
        /// The walk finds just the connected parts of the graph of candidates.
        #[test]
        fn clusters_are_the_connected_parts(
            rows in proptest::collection::vec(0i64..60, 0..12),
            receipts in proptest::collection::vec(0i64..60, 0..12),
            reach in 0i64..8,
        ) {
            let number = |places: &[i64]| -> Vec<(i64, u32)> {
                places.iter().copied().zip(0u32..).collect()
            };
            // Labels spread along candidates until nothing moves.
            let mut labels: Vec<usize> = (0..rows.len() + receipts.len()).collect();
            loop {
                let before = labels.clone();
                for (r, row) in rows.iter().enumerate() {
                    for (c, receipt) in receipts.iter().enumerate() {
                        if (row - receipt).abs() <= reach {
                            let least = labels[r].min(labels[rows.len() + c]);
                            labels[r] = least;
                            labels[rows.len() + c] = least;
                        }
                    }
                }
                if labels == before {
                    break;
                }
            }
            let mut expected = Vec::new();
            for label in 0..labels.len() {
                let members: Vec<usize> = (0..labels.len()).filter(|m| labels[*m] == label).collect();
                let of_rows: Vec<u32> = members.iter().filter(|m| **m < rows.len()).map(|m| *m as u32).collect();
                let of_receipts = members.iter().filter(|m| **m >= rows.len());
                let of_receipts: Vec<u32> = of_receipts.map(|m| (*m - rows.len()) as u32).collect();
                if !of_rows.is_empty() && !of_receipts.is_empty() {
                    expected.push((of_rows, of_receipts));
                }
            }
            let mut found: Vec<_> = clusters(number(&rows), number(&receipts), reach)
                .into_iter()
                .map(|mut c| {
                    c.rows.sort_unstable();
                    c.receipts.sort_unstable();
                    (c.rows, c.receipts)
                })
                .collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
