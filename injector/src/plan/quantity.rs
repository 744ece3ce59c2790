//! Amounts as Kubernetes writes them (`100m`, `64Mi`, `1e3`), only to tell whether two are equal.

/// The amount in billionths; what is smaller counts as equal to its neighbour. `None` when it is no amount.
pub(crate) fn nano(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(digits)?;
    let scale: i128 = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => 1_000_000_000,
        "k" => 1_000_000_000_000,
        "M" => 10_i128.pow(15),
        "G" => 10_i128.pow(18),
        "T" => 10_i128.pow(21),
        "P" => 10_i128.pow(24),
        "E" => 10_i128.pow(27),
        "Ki" => 1_000_000_000 << 10,
        "Mi" => 1_000_000_000 << 20,
        "Gi" => 1_000_000_000 << 30,
        "Ti" => 1_000_000_000 << 40,
        "Pi" => 1_000_000_000 << 50,
        "Ei" => 1_000_000_000 << 60,
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            10_i128.checked_pow(u32::try_from(power.checked_add(9)?).ok()?)?
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let negative = whole.starts_with('-');
    let whole = whole.trim_start_matches(['+', '-']);
    if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 18 {
        return None;
    }
    let parse = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<i128>().ok()
        }
    };
    let below = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let total = parse(whole)?
        .checked_mul(scale)?
        .checked_add(parse(fraction)?.checked_mul(scale)? / below)?;
    Some(if negative { -total } else { total })
}

/// The amount of a raw JSON value, a number or a text.
pub(crate) fn raw(json: &str) -> Option<i128> {
    nano(json.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_amount_has_many_names() {
        for (left, right) in [
            ("100m", "0.1"),
            ("1", "1000m"),
            ("1Gi", "1024Mi"),
            ("1e3", "1k"),
            ("0.5Gi", "512Mi"),
            ("+1", "1.0"),
        ] {
            assert_eq!(nano(left), nano(right), "{left} {right}");
            assert!(nano(left).is_some());
        }
        assert_ne!(nano("1M"), nano("1Mi"));
        for bad in ["", "x", "1x", "--", "1e999999999", "1.2.3"] {
            assert_eq!(nano(bad), None, "{bad}");
        }
    }
}
