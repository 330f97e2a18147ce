//! Numbers in other notations than by places: `EEEE`, powers of ten, and `RN`, Roman numerals.

use super::number_template::{Node, Template};

/// Width of Roman numerals that are padded, and the number of signs for a number that has none.
const ROMAN_WIDTH: usize = 15;
const ROMAN_MAX: i32 = 3999;

/// Letters by their values, the greatest first.
const ROMAN: &[(i32, &str)] = &[
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

impl Template {
    /// A number in Roman numerals, with the texts around them.
    pub(super) fn print_roman(&self, number: i32) -> String {
        let numerals = roman(number);
        let part = |node: &Node| match node {
            Node::Roman { is_upper } => {
                let numerals = if *is_upper { numerals.clone() } else { numerals.to_lowercase() };
                if self.is_filled { numerals } else { format!("{numerals:>ROMAN_WIDTH$}") }
            }
            Node::Literal(text) => text.clone(),
            _ => String::new(),
        };
        self.nodes.iter().map(part).collect()
    }

    /// A decimal in powers of ten, by its digits, the first of which is no zero, and the power of that digit.
    pub(super) fn print_scientific(&self, is_negative: bool, digits: &str, power: i32) -> String {
        let (digits, power) = rounded(digits, self.fraction + 1, power);
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{first}{point}{rest}{}", sign(is_negative), exponent(power))
    }

    /// A double in powers of ten.
    pub(super) fn print_scientific_double(&self, number: f64) -> String {
        let text = format!("{:.*e}", self.fraction, number.abs());
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}{digits}{}", sign(number.is_sign_negative()), exponent(power.parse().unwrap_or(0)))
    }

    /// What stands for a number that has no powers of ten.
    pub(super) fn no_scientific(&self) -> String {
        let behind = "#".repeat(self.fraction + 4);
        format!(" {}.{behind}", "#".repeat(self.whole))
    }
}

fn roman(number: i32) -> String {
    if !(1..=ROMAN_MAX).contains(&number) {
        return "#".repeat(ROMAN_WIDTH);
    }
    let mut rest = number;
    let mut numerals = String::new();
    for (value, letters) in ROMAN {
        numerals.push_str(&letters.repeat((rest / value) as usize));
        rest %= value;
    }
    numerals
}

fn sign(is_negative: bool) -> char {
    if is_negative { '-' } else { ' ' }
}

fn exponent(power: i32) -> String {
    format!("e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// The first digits, the last of them rounded, and the power of the first.
fn rounded(digits: &str, count: usize, power: i32) -> (String, i32) {
    let Some((kept, rest)) = digits.split_at_checked(count) else { return (format!("{digits:0<count$}"), power) };
    if rest.bytes().next().is_none_or(|next| next < b'5') {
        return (kept.to_owned(), power);
    }
    let nines = kept.len() - kept.trim_end_matches('9').len();
    if nines == kept.len() {
        return (format!("1{}", "0".repeat(count - 1)), power + 1);
    }
    let (before, last) = kept[..kept.len() - nines].split_at(kept.len() - nines - 1);
    let last = char::from(last.as_bytes()[0] + 1);
    (format!("{before}{last}{}", "0".repeat(nines)), power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_rounded() {
        let template = Template::parse("9.99EEEE").expect("a template");
        assert_eq!(template.print_scientific(false, "12345", 4), " 1.23e+04");
        assert_eq!(template.print_scientific(true, "12995", -7), "-1.30e-07");
        assert_eq!(template.print_scientific(false, "9999", 0), " 1.00e+01");
        assert_eq!(template.print_scientific(false, "0", 0), " 0.00e+00");
        assert_eq!(template.print_scientific_double(-0.5e120), "-5.00e+119");
        assert_eq!(template.no_scientific(), " #.######");
    }

    #[test]
    fn numerals_are_padded_and_cased() {
        let printed = |template: &str, number| Template::parse(template).expect("a template").print_roman(number);
        assert_eq!(printed("RN", 485), "        CDLXXXV");
        assert_eq!(printed("FMrn", 1999), "mcmxcix");
        assert_eq!(printed("\"no. \"FMRN", 4), "no. IV");
        assert_eq!(printed("FMRN", 4000), "#".repeat(15));
    }
}
