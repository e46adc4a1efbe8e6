//! Whether exactly one choice of amounts has a given sum: meet in the middle.
//!
//! All choices of one half are sorted by their sums and held against all choices of the other, so n
//! amounts take 2^(n/2) steps instead of 2^n. It does not stop at the first fit: a second one makes the
//! first worthless.

/// Amounts that are searched at most: two tables of 65,536 sums.
pub(super) const PARTS_MAX: usize = 32;

/// An amount that may be part of the sum; positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part(pub(super) i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// No choice has the sum.
    None,
    /// Just this one has: bit n stands for the amount at position n.
    One(u32),
    /// More than one has, or it could not be found out.
    Several,
}

/// All choices of a half, as (sum, which).
fn choices(half: &[Part]) -> Vec<(i128, u32)> {
    let mut all = vec![(0i128, 0u32)];
    for (at, Part(amount_vnd)) in half.iter().enumerate() {
        for n in 0..all.len() {
            let (sum, which) = all[n];
            all.push((sum + i128::from(*amount_vnd), which | 1 << at));
        }
    }
    all.sort_unstable();
    all
}

/// Choices with one sum, by how many amounts they take: how many choices there are, and one of them.
struct BySize([(u32, u32); PARTS_MAX / 2 + 1]);

impl BySize {
    fn of(choices: &[(i128, u32)]) -> BySize {
        let mut sizes = [(0, 0); PARTS_MAX / 2 + 1];
        for (_, which) in choices {
            let (count, one) = &mut sizes[which.count_ones() as usize];
            *count += 1;
            *one = *which;
        }
        BySize(sizes)
    }

    fn some(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let sizes = (0u32..).zip(self.0);
        sizes.filter_map(|(size, (count, one))| (count > 0).then_some((size, count, one)))
    }
}

/// The choice of at least two amounts, or of just `count`, whose sum is `target_vnd`, if it is the only one.
pub(super) fn only_choice(parts: &[Part], target_vnd: i64, count: Option<u32>) -> Choice {
    if parts.len() > PARTS_MAX {
        return Choice::Several;
    }
    let target = i128::from(target_vnd);
    let (left, right) = parts.split_at(parts.len() / 2);
    let shift = left.len() as u32;
    let left = choices(left);
    let right = choices(right);
    let mut found = Choice::None;
    let mut right_end = right.len();
    for lefts in left.chunk_by(|a, b| a.0 == b.0) {
        let rest = target - lefts[0].0;
        while right_end > 0 && right[right_end - 1].0 > rest {
            right_end -= 1;
        }
        let run_start = right[..right_end].partition_point(|(sum, _)| *sum < rest);
        let rights = &right[run_start..right_end];
        if rights.is_empty() {
            continue;
        }
        let rights = BySize::of(rights);
        for (left_size, left_count, left_one) in BySize::of(lefts).some() {
            for (right_size, right_count, right_one) in rights.some() {
                let size = left_size + right_size;
                let is_size = count.map_or(size >= 2, |count| size == count);
                found = match (is_size, found, left_count, right_count) {
                    (false, ..) => found,
                    (true, Choice::None, 1, 1) => Choice::One(left_one | right_one << shift),
                    (true, ..) => return Choice::Several,
                };
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(amounts: &[i64]) -> Vec<Part> {
        amounts.iter().copied().map(Part).collect()
    }

    #[test]
    fn one_choice_is_found_and_two_are_not_chosen_between() {
        assert_eq!(
            only_choice(&parts(&[10, 20, 40, 80]), 100, None),
            Choice::One(0b1010)
        );
        assert_eq!(only_choice(&parts(&[10, 20, 30, 40]), 50, None), Choice::Several);
        assert_eq!(
            only_choice(&parts(&[10, 20, 30, 40]), 60, Some(3)),
            Choice::One(0b111)
        );
        assert_eq!(
            only_choice(&parts(&[10, 20]), 20, None),
            Choice::None,
            "one amount is no sum"
        );
        assert_eq!(only_choice(&parts(&[50, 50, 50]), 100, None), Choice::Several);
        assert_eq!(
            only_choice(&parts(&[1; 33]), 33, None),
            Choice::Several,
            "too many to look at"
        );
        assert_eq!(only_choice(&parts(&[1; 32]), 32, None), Choice::One(u32::MAX));
        assert_eq!(only_choice(&parts(&[i64::MAX; 4]), i64::MAX, None), Choice::None);
    }

    proptest! {
        /// Against trying every choice.
        #[test]
        fn it_agrees_with_trying_every_choice(
            amounts in proptest::collection::vec(1i64..12, 0..11),
            target in 1i64..40,
            count in proptest::option::of(1u32..6),
        ) {
            let mut fitting = Vec::new();
            for mask in 0u32..1 << amounts.len() {
                let sum: i64 = (0..amounts.len()).filter(|n| mask >> n & 1 == 1).map(|n| amounts[n]).sum();
                let is_size = count.map_or(mask.count_ones() >= 2, |c| mask.count_ones() == c);
                if sum == target && is_size {
                    fitting.push(mask);
                }
            }
            let expected = match fitting.as_slice() {
                [] => Choice::None,
                [mask] => Choice::One(*mask),
                _ => Choice::Several,
            };
            prop_assert_eq!(only_choice(&parts(&amounts), target, count), expected);
        }
    }
}
