//! Templates of numbers, as `to_char(1234.5, 'FM9,999.00')` and `to_number` have them: the rules of PostgreSQL's
//! `NUMDesc_prepare`.

use datafusion::common::{DataFusionError, Result};

use super::error::{FunctionError, error};

/// One part of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
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
    /// `RN`, the whole number.
    Roman {
        is_upper: bool,
    },
    Literal(String),
}

/// What is written at the first digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sign {
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

/// How a template writes the digits of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Notation {
    /// Each in its place.
    #[default]
    Places,
    /// `EEEE`
    Scientific,
    /// `RN`
    Roman,
}

/// A parsed template.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) nodes: Vec<Node>,
    pub(super) notation: Notation,
    /// Places before the point, those behind `V` among them.
    pub(super) whole: usize,
    /// Places behind the point.
    pub(super) fraction: usize,
    /// The power of ten that `V` multiplies by.
    pub(super) shift: usize,
    /// The first place that shows a zero.
    pub(super) first_zero: Option<usize>,
    /// Places behind the point up to the last `0`.
    pub(super) zeros_behind: usize,
    /// `FM`: no padding.
    pub(super) is_filled: bool,
    pub(super) sign: Sign,
    has_point: bool,
    has_shift: bool,
}

/// Patterns of more than one letter; longer ones first.
const WORDS: &[&str] = &["EEEE", "FM", "MI", "PL", "SG", "PR", "TH", "RN"];

impl Template {
    /// Reads a template; 42601 for patterns that do not go together.
    pub(super) fn parse(text: &str) -> Result<Template> {
        let mut template = Template::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let (quoted, after) = rest[1..].split_once('"').unwrap_or((&rest[1..], ""));
                template.nodes.push(Node::Literal(quoted.to_owned()));
                rest = after;
                continue;
            }
            let word = WORDS.iter().find(|word| rest.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word)));
            let pattern = &rest[..word.map_or(first.len_utf8(), |word| word.len())];
            template.pattern(pattern)?;
            rest = &rest[pattern.len()..];
        }
        Ok(template)
    }

    fn pattern(&mut self, pattern: &str) -> Result<()> {
        let is_upper = pattern.starts_with(char::is_uppercase);
        let upper = pattern.to_ascii_uppercase();
        if self.notation == Notation::Scientific && is_pattern(&upper) {
            let message =
                if upper == "EEEE" { "cannot use \"EEEE\" twice" } else { "\"EEEE\" must be the last pattern used" };
            return Err(error("42601", message));
        }
        match upper.as_str() {
            "9" | "0" => self.digit(&upper)?,
            "." | "D" => self.point()?,
            "V" if self.has_point => return Err(apart("V", "decimal point")),
            "V" => self.has_shift = true,
            "," | "G" => self.nodes.push(Node::Group),
            // Words of PostgreSQL's that have no effect on what is shown.
            "B" | "C" => {}
            // The C locale has no currency symbol.
            "L" => self.nodes.push(Node::Literal(" ".to_owned())),
            "FM" => self.is_filled = true,
            "TH" => self.nodes.push(Node::Ordinal { is_upper }),
            "S" | "MI" | "PL" | "SG" | "PR" => self.sign(&upper)?,
            "RN" => {
                self.notation = Notation::Roman;
                self.nodes.push(Node::Roman { is_upper });
            }
            "EEEE" => self.scientific()?,
            _ => self.nodes.push(Node::Literal(pattern.to_owned())),
        }
        Ok(())
    }

    fn digit(&mut self, pattern: &str) -> Result<()> {
        if self.sign == Sign::Bracket {
            return Err(error("42601", format!("\"{pattern}\" must be ahead of \"PR\"")));
        }
        let is_zero = pattern == "0";
        self.nodes.push(Node::Digit);
        if self.has_point {
            self.fraction += 1;
            if is_zero {
                self.zeros_behind = self.fraction;
            }
            return Ok(());
        }
        if is_zero {
            self.first_zero.get_or_insert(self.whole);
        }
        self.whole += 1;
        self.shift += usize::from(self.has_shift);
        Ok(())
    }

    fn point(&mut self) -> Result<()> {
        if self.has_point {
            return Err(error("42601", "multiple decimal points"));
        }
        if self.has_shift {
            return Err(apart("V", "decimal point"));
        }
        self.has_point = true;
        self.nodes.push(Node::Point);
        Ok(())
    }

    fn sign(&mut self, pattern: &str) -> Result<()> {
        let has_s = self.sign == Sign::Always || self.nodes.contains(&Node::SignBehind);
        let has_others = self.nodes.iter().any(is_own_sign);
        match pattern {
            "S" if has_s => return Err(error("42601", "cannot use \"S\" twice")),
            "S" if has_others => return Err(apart("S", "\"PL\"/\"MI\"/\"SG\"/\"PR\"")),
            "S" if self.whole + self.fraction == 0 => self.sign = Sign::Always,
            "S" => self.own_sign(Node::SignBehind),
            "PR" if has_s || has_others => return Err(apart("PR", "\"S\"/\"PL\"/\"MI\"/\"SG\"")),
            "PR" => {
                self.sign = Sign::Bracket;
                self.nodes.push(Node::Bracket);
            }
            other if has_s => return Err(apart("S", &format!("\"{other}\""))),
            "MI" => self.own_sign(Node::Minus),
            "SG" => self.own_sign(Node::PlusMinus),
            _ => self.nodes.push(Node::Plus),
        }
        Ok(())
    }

    fn own_sign(&mut self, node: Node) {
        self.sign = Sign::Elsewhere;
        self.nodes.push(node);
    }

    fn scientific(&mut self) -> Result<()> {
        let has_other = |node: &Node| is_own_sign(node) || matches!(node, Node::SignBehind | Node::Roman { .. });
        if self.is_filled || self.has_shift || self.sign != Sign::Slot || self.nodes.iter().any(has_other) {
            return Err(FunctionError::new("42601", "\"EEEE\" is incompatible with other formats")
                .with_detail("\"EEEE\" may only be used together with digit and decimal point patterns.")
                .into());
        }
        self.notation = Notation::Scientific;
        Ok(())
    }

    /// The number that a text shows, as a decimal text.
    pub(super) fn read(&self, text: &str) -> Result<String> {
        match self.notation {
            Notation::Places => {}
            Notation::Scientific => return Err(error("0A000", "\"EEEE\" not supported for input")),
            Notation::Roman => return Err(error("0A000", "\"RN\" not supported for input")),
        }
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

/// Whether it is more than text.
fn is_pattern(upper: &str) -> bool {
    WORDS.contains(&upper) || matches!(upper, "9" | "0" | "." | "D" | "V" | "," | "G" | "L" | "S" | "B" | "C")
}

fn is_own_sign(node: &Node) -> bool {
    matches!(node, Node::Minus | Node::Plus | Node::PlusMinus | Node::Bracket)
}

fn apart(pattern: &str, others: &str) -> DataFusionError {
    error("42601", format!("cannot use \"{pattern}\" and {others} together"))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn patterns_that_do_not_go_together_are_refused() {
        for (template, message) in [
            ("9.9.9", "multiple decimal points"),
            ("9V.9", "cannot use \"V\" and decimal point together"),
            ("S9S", "cannot use \"S\" twice"),
            ("S9MI", "cannot use \"S\" and \"MI\" together"),
            ("PR9", "\"9\" must be ahead of \"PR\""),
            ("FM9EEEE", "\"EEEE\" is incompatible with other formats"),
            ("9EEEE9", "\"EEEE\" must be the last pattern used"),
        ] {
            let refused = Template::parse(template).expect_err(template).to_string();
            assert!(refused.contains(message), "{template}: {refused}");
        }
    }
}
