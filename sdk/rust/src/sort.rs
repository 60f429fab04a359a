use core::cmp::Ordering;

/// Sorts in place without recursion and without memory of its own (heap sort; not stable). Takes a tenth of
/// the code of `sort_unstable_by`.
pub fn sort<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let (mut start, mut end) = (items.len() / 2, items.len());
    while end > 1 {
        if start > 0 {
            start -= 1;
        } else {
            end -= 1;
            items.swap(0, end);
        }
        // Sift the item at `start` down the heap of the first `end` items.
        let mut at = start;
        loop {
            let mut child = 2 * at + 1;
            if child >= end {
                break;
            }
            if child + 1 < end && compare(&items[child], &items[child + 1]) == Ordering::Less {
                child += 1;
            }
            if compare(&items[at], &items[child]) != Ordering::Less {
                break;
            }
            items.swap(at, child);
            at = child;
        }
    }
}
