//! How far words are from each other: for "did you mean".

/// Letters to add, drop, change or swap with their neighbour.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn slips_of_the_pen_count_once() {
        assert_eq!(distance("proxy_pass", "proxy_pass"), 0);
        assert_eq!(distance("proxy_set_header", "proxy_set_headers"), 1);
        assert_eq!(distance("proxy_pass", "porxy_pass"), 1);
        assert_eq!(distance("gzip", "brotli"), 6);
        assert_eq!(distance("", "abc"), 3);
    }
}
