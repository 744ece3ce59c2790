//! "Did you mean": the known key nearest to a misspelt one.

/// The candidate nearest to `wrong`, when it is near enough to be a likely misspelling.
///
/// Distance is the number of inserted, removed, replaced or swapped characters, ignoring case; at most a third of
/// the wrong word's length may differ. Inputs above 128 characters are never matched, so the work is bounded.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.chars().count() > 128 {
        return None;
    }
    let wrong = wrong.to_lowercase();
    let limit = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&wrong, &candidate.to_lowercase()), candidate))
        .filter(|(far, _)| *far <= limit)
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// Damerau-Levenshtein distance (optimal string alignment) in three rolling rows.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (row, left) in from.chars().enumerate() {
        let mut next = Vec::with_capacity(to.len() + 1);
        next.push(row + 1);
        let mut other = None;
        for (column, right) in to.iter().copied().enumerate() {
            let at =
                |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, column) + usize::from(left != right))
                .min(at(&last, column + 1) + 1)
                .min(at(&next, column) + 1);
            if previous == Some(right) && other == Some(left) && column > 0 {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
            other = Some(right);
        }
        before = std::mem::replace(&mut last, next);
        previous = Some(left);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_finds_its_key() {
        let known = ["polling.intervalMs", "polling.batchSize", "parityMode"];
        assert_eq!(
            nearest("polling.intervalms", known),
            Some("polling.intervalMs")
        );
        assert_eq!(
            nearest("polling.interval", known),
            Some("polling.intervalMs")
        );
        assert_eq!(nearest("partiyMode", known), Some("parityMode"));
        assert_eq!(nearest("something-else", known), None);
    }

    #[test]
    fn distances_are_the_textbook_ones() {
        for (from, to, far) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("ca", "ac", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), far, "{from} {to}");
        }
    }
}
