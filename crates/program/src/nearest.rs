//! "Did you mean …?"

/// The candidate that is nearest to what was asked for, if it is near enough to be meant.
pub fn nearest<'a>(asked: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let asked = asked.trim().to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&asked, &candidate.trim().to_lowercase()), candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| {
            *distance <= 2.max(asked.chars().count().min(candidate.chars().count()) / 3)
        })
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_near_and_far_is_nothing() {
        assert_eq!(nearest("Gould", ["Silver", "Gold"]), Some("Gold"));
        assert_eq!(nearest("gold ", ["Silver", "Gold"]), Some("Gold"));
        assert_eq!(nearest("Diamond", ["Silver", "Gold"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
