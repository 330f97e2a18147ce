//! Templates of numbers: `to_char(1234.5, 'FM9,999.00')` and `to_number`.
//!
//! The rules are those of PostgreSQL's `NUM_processor`; `EEEE` and `RN` are not among them.

use datafusion::common::Result;

use super::error::{error, not_supported};

/// One part of a template.
#[derive(Debug, PartialEq, Eq)]
enum Node {
    /// `9` or `0`, before or behind the point.
    Digit,
    Point,
    Group,
    /// `S` behind the digits.
    SignBehind,
    Minus,
    Plus,
    PlusMinus,
    /// The end of `PR`.
    Bracket,
    Ordinal {
        is_upper: bool,
    },
    Literal(String),
}

/// What is written at the first digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sign {
    /// A minus or a blank.
    #[default]
    Slot,
    /// `S` before the digits: a minus or a plus.
    Always,
    /// `PR`: an angle bracket or a blank.
    Bracket,
    /// The sign has a place of its own.
    Elsewhere,
}

/// A parsed template.
#[derive(Debug, Default)]
pub(super) struct Template {
    nodes: Vec<Node>,
    /// Places before the point, those behind `V` among them.
    pub(super) whole: usize,
    /// Places behind the point.
    pub(super) fraction: usize,
    /// The power of ten that `V` multiplies by.
    pub(super) shift: usize,
    /// The first place that shows a zero.
    first_zero: Option<usize>,
    /// Places behind the point up to the last `0`.
    zeros_behind: usize,
    /// `FM`: no padding.
    is_filled: bool,
    sign: Sign,
}

/// Patterns of more than one letter; longer ones first.
const WORDS: &[&str] = &["EEEE", "FM", "MI", "PL", "SG", "PR", "TH", "RN"];

impl Template {
    /// Reads a template; 0A000 for what is not supported.
    pub(super) fn parse(text: &str) -> Result<Template> {
        let mut template = Template::default();
        let (mut is_behind, mut is_shifted) = (false, false);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word = WORDS.iter().find(|word| rest.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word)));
            if let Some(word) = word {
                template.word(word, rest)?;
                rest = &rest[word.len()..];
                continue;
            }
            rest = &rest[first.len_utf8()..];
            match first.to_ascii_uppercase() {
                '9' | '0' => template.digit(first == '0', is_behind, is_shifted),
                '.' | 'D' => {
                    is_behind = true;
                    template.nodes.push(Node::Point);
                }
                ',' | 'G' => template.nodes.push(Node::Group),
                'S' if template.whole + template.fraction == 0 => template.sign = Sign::Always,
                'S' => {
                    template.sign = Sign::Elsewhere;
                    template.nodes.push(Node::SignBehind);
                }
                'V' => is_shifted = true,
                // Words of PostgreSQL's that have no effect on what is shown.
                'B' | 'C' => {}
                // The C locale has no currency symbol.
                'L' => template.nodes.push(Node::Literal(" ".to_owned())),
                '"' => {
                    let (quoted, after) = rest.split_once('"').unwrap_or((rest, ""));
                    template.nodes.push(Node::Literal(quoted.to_owned()));
                    rest = after;
                }
                _ => template.nodes.push(Node::Literal(first.to_string())),
            }
        }
        Ok(template)
    }

    fn word(&mut self, word: &str, rest: &str) -> Result<()> {
        match word {
            "FM" => self.is_filled = true,
            "MI" => self.own_sign(Node::Minus),
            "SG" => self.own_sign(Node::PlusMinus),
            "PL" => self.nodes.push(Node::Plus),
            "PR" => {
                self.sign = Sign::Bracket;
                self.nodes.push(Node::Bracket);
            }
            "TH" => self.nodes.push(Node::Ordinal { is_upper: rest.starts_with('T') }),
            other => return Err(not_supported(format!("the number template \"{other}\""))),
        }
        Ok(())
    }

    fn own_sign(&mut self, node: Node) {
        self.sign = Sign::Elsewhere;
        self.nodes.push(node);
    }

    fn digit(&mut self, is_zero: bool, is_behind: bool, is_shifted: bool) {
        self.nodes.push(Node::Digit);
        if is_behind {
            self.fraction += 1;
            if is_zero {
                self.zeros_behind = self.fraction;
            }
            return;
        }
        if is_zero {
            self.first_zero.get_or_insert(self.whole);
        }
        self.whole += 1;
        self.shift += usize::from(is_shifted);
    }

    /// A number by its decimal text, which has the template's digits behind the point and no sign. The letters of NaN and
    /// of infinity take the places of digits before the point, with which the text ends.
    pub(super) fn print(&self, is_negative: bool, number: &str) -> String {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_zero = number.bytes().all(|b| matches!(b, b'0' | b'.'));
        let overflows = whole.len() > self.whole;
        let (whole, fraction) = if overflows {
            ("#".repeat(self.whole), "#".repeat(self.fraction))
        } else {
            (whole.to_owned(), fraction.to_owned())
        };
        let kept = fraction.trim_end_matches('0').len().max(self.zeros_behind);
        let hides_zero = whole == "0" && self.fraction > 0 && !(self.is_filled && kept == 0);
        let start = self.whole - whole.len();
        let first = if hides_zero { self.whole } else { start };
        let mut writer = Writer {
            template: self,
            is_negative: is_negative && !is_zero,
            first: self.first_zero.map_or(first, |zero| zero.min(first)),
            kept: if self.is_filled { kept } else { self.fraction },
            out: String::new(),
            place: 0,
            has_begun: false,
            whole: "0".repeat(start) + &whole,
            fraction,
            overflows,
        };
        let is_word = !overflows && number.bytes().all(|b| b.is_ascii_alphabetic());
        let nodes = self.nodes.iter().take_while(|node| !(is_word && **node == Node::Point));
        nodes.for_each(|node| writer.node(node));
        writer.out
    }

    /// The number that a text shows, as a decimal text.
    pub(super) fn read(&self, text: &str) -> Result<String> {
        let is_negative = text.contains(['-', '<']);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str, most| text.chars().filter(char::is_ascii_digit).take(most).collect::<String>();
        let (whole, fraction) = (digits(whole, self.whole), digits(fraction, self.fraction));
        if whole.is_empty() && fraction.is_empty() {
            return Err(error("22P02", "invalid input syntax for type numeric: \" \""));
        }
        let sign = if is_negative { "-" } else { "" };
        Ok(format!("{sign}{}.{fraction}", if whole.is_empty() { "0" } else { &whole }))
    }
}

struct Writer<'a> {
    template: &'a Template,
    is_negative: bool,
    /// The whole part with zeros up to its places.
    whole: String,
    fraction: String,
    /// The first place that is written, the number of places if none before the point is.
    first: usize,
    /// Digits behind the point that are written.
    kept: usize,
    overflows: bool,
    out: String,
    place: usize,
    has_begun: bool,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node) {
        let sign = if self.is_negative { '-' } else { '+' };
        match node {
            Node::Digit if self.place < self.template.whole => self.whole_digit(),
            Node::Digit => {
                let place = self.place - self.template.whole;
                self.place += 1;
                self.out.extend(self.fraction.chars().nth(place).filter(|_| place < self.kept));
            }
            Node::Point if self.template.fraction > 0 => {
                self.begin();
                self.out.push('.');
            }
            Node::Point => {}
            Node::Group if self.has_begun => self.out.push(','),
            Node::Group => self.blank(),
            Node::SignBehind | Node::PlusMinus => self.out.push(sign),
            Node::Minus if self.is_negative => self.out.push('-'),
            Node::Plus if !self.is_negative => self.out.push('+'),
            Node::Bracket if self.is_negative => self.out.push('>'),
            Node::Minus | Node::Plus | Node::Bracket => self.blank(),
            Node::Ordinal { is_upper } => self.ordinal(*is_upper),
            Node::Literal(text) => self.out.push_str(text),
        }
    }

    fn blank(&mut self) {
        if !self.template.is_filled {
            self.out.push(' ');
        }
    }

    fn whole_digit(&mut self) {
        let place = self.place;
        self.place += 1;
        if place < self.first {
            return self.blank();
        }
        self.begin();
        self.out.extend(self.whole.chars().nth(place));
    }

    /// The sign, before the first digit or the point.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        match (self.template.sign, self.is_negative) {
            (Sign::Elsewhere, _) => {}
            (Sign::Slot | Sign::Always, true) => self.out.push('-'),
            (Sign::Always, false) => self.out.push('+'),
            (Sign::Bracket, true) => self.out.push('<'),
            (Sign::Slot | Sign::Bracket, false) => self.blank(),
        }
    }

    fn ordinal(&mut self, is_upper: bool) {
        if self.is_negative || self.overflows || self.template.fraction > 0 {
            return;
        }
        let last_two: u32 = self.whole.get(self.whole.len().saturating_sub(2)..).unwrap_or("").parse().unwrap_or(0);
        let suffix = match (last_two / 10, last_two % 10) {
            (1, _) => "th",
            (_, 1) => "st",
            (_, 2) => "nd",
            (_, 3) => "rd",
            _ => "th",
        };
        self.out.push_str(&if is_upper { suffix.to_uppercase() } else { suffix.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_postgresql() {
        for (template, number, text) in [
            ("999", "0", "   0"),
            ("9.99", "0.00", "  .00"),
            ("0.99", "0.00", " 0.00"),
            ("FM9.99", "0.00", "0."),
            ("FM9.99", "0.10", ".1"),
            ("FM9.90", "1.00", "1.00"),
            ("999", "-12", " -12"),
            ("99", "-123", "-##"),
            ("999,999", "12", "      12"),
            ("FM999,999", "1234", "1,234"),
            ("000,999", "12", " 000,012"),
            ("9099", "1", "  001"),
            ("S999", "12", " +12"),
            ("999S", "-12", " 12-"),
            ("MI999", "-12", "- 12"),
            ("FM999MI", "12", "12"),
            ("999PR", "-12", " <12>"),
            ("999PR", "12", "  12 "),
            ("PL999", "12", "+  12"),
            ("SG999", "-12", "- 12"),
            ("99.99", "-0.10", "  -.10"),
            ("999\"x\"9", "1234", " 123x4"),
            ("D99", "0.12", " .##"),
            ("9.9", "-0.0", "  .0"),
            ("99.", "12", " 12"),
            ("FM99.09", "1.10", "1.1"),
            ("$999", "12", "$  12"),
            ("FM999th", "12", "12th"),
            ("999TH", "21", "  21ST"),
            ("99V9", "12", "  12"),
            ("9 9 9", "1", "     1"),
            ("9999.99", "NaN", "  NaN"),
            ("S000000000", "Infinity", "+0Infinity"),
            ("99.9", "-Infinity", "-##.#"),
        ] {
            let is_negative = number.starts_with('-');
            let printed = Template::parse(template).expect(template).print(is_negative, number.trim_start_matches('-'));
            assert_eq!(printed, text, "{template} of {number}");
        }
        assert!(Template::parse("9EEEE").is_err());
    }

    #[test]
    fn texts_are_read_as_far_as_the_template_has_places() {
        for (template, text, number) in [
            ("99G999D9S", "12,454.8-", "-12454.8"),
            ("9.99", "1.234", "1.23"),
            ("99", "123", "12."),
            ("999PR", "<12>", "-12."),
        ] {
            assert_eq!(Template::parse(template).expect(template).read(text).expect(text), number);
        }
        assert!(Template::parse("999").expect("a template").read("abc").is_err());
    }
}
