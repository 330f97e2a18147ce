//! The parser of paths.

use datafusion::common::{DataFusionError, Result};

use super::super::error::{FunctionError, error, not_supported};
use super::super::pattern;
use super::syntax::{Arithmetic, Comparison, Method, Node, Path, Step};
use super::tokens::{Token, syntax_error, tokens};

/// Expressions within each other beyond this are refused, before they exhaust the stack. Operators in a row are none:
/// they are one node of many operands.
const DEPTH_MAX: usize = 100;

/// Parses a path.
pub(super) fn path(text: &str) -> Result<Path> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let is_strict = parser.take_word("strict");
    if !is_strict {
        parser.take_word("lax");
    }
    let root = parser.either()?;
    match parser.peek() {
        None => Ok(Path { is_strict, root }),
        Some(_) => Err(parser.unexpected()),
    }
}

/// The flags of `like_regex` as those of the functions of regular expressions: without `s` a dot stops at a newline.
fn flags_of_functions(flags: &str) -> Result<String> {
    if let Some(unknown) = flags.chars().find(|flag| !"ismxq".contains(*flag)) {
        let detail = format!("Unrecognized flag character \"{unknown}\" in LIKE_REGEX predicate.");
        return Err(FunctionError::new("42601", "invalid input syntax for type jsonpath").with_detail(detail).into());
    }
    let has = |flag| flags.contains(flag);
    let case = if has('i') { "i" } else { "" };
    let rest = match (has('q'), has('s'), has('m')) {
        (true, ..) => "q",
        (false, ..) if has('x') => return Err(not_supported_flag()),
        (false, false, false) => "p",
        (false, false, true) => "n",
        (false, true, false) => "s",
        (false, true, true) => "w",
    };
    Ok(format!("{case}{rest}"))
}

fn not_supported_flag() -> DataFusionError {
    error("0A000", "XQuery \"x\" flag (expanded regular expressions) is not implemented")
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, mark: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(is_it);
        is_it
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(is_it);
        is_it
    }

    fn require(&mut self, mark: &str) -> Result<()> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> DataFusionError {
        match self.peek() {
            None => syntax_error(""),
            Some(Token::Word(text) | Token::Text(text) | Token::Number(text)) => syntax_error(text),
            Some(Token::Variable(name)) => syntax_error(&format!("${name}")),
            Some(Token::Mark(mark)) => syntax_error(mark),
        }
    }

    /// Parses what stands within what is being parsed: every recursion goes through here.
    fn inner(&mut self, parse: fn(&mut Self) -> Result<Node>) -> Result<Node> {
        if self.depth == DEPTH_MAX {
            return Err(error("54001", "stack depth limit exceeded"));
        }
        self.depth += 1;
        let node = parse(self)?;
        self.depth -= 1;
        Ok(node)
    }

    /// `a || b || …`
    fn either(&mut self) -> Result<Node> {
        self.joined("||", Self::both, Node::Or)
    }

    /// `a && b && …`
    fn both(&mut self) -> Result<Node> {
        self.joined("&&", Self::negation, Node::And)
    }

    fn joined(
        &mut self,
        mark: &str,
        operand: fn(&mut Self) -> Result<Node>,
        join: fn(Vec<Node>) -> Node,
    ) -> Result<Node> {
        let first = operand(self)?;
        let joins = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        if joins && !first.is_predicate() {
            return Err(self.unexpected());
        }
        let mut operands = vec![first];
        while self.take(mark) {
            let next = operand(self)?;
            if !next.is_predicate() {
                return Err(self.unexpected());
            }
            operands.push(next);
        }
        Ok(if operands.len() > 1 { join(operands) } else { operands.remove(0) })
    }

    fn negation(&mut self) -> Result<Node> {
        if self.take("!") {
            return Ok(Node::Not(Box::new(self.inner(Self::negation)?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node> {
        let left = self.sum()?;
        let op = match self.peek() {
            Some(Token::Mark("==" | "=")) => Comparison::Equal,
            Some(Token::Mark("!=" | "<>")) => Comparison::NotEqual,
            Some(Token::Mark("<")) => Comparison::Less,
            Some(Token::Mark("<=")) => Comparison::LessOrEqual,
            Some(Token::Mark(">")) => Comparison::Greater,
            Some(Token::Mark(">=")) => Comparison::GreaterOrEqual,
            Some(Token::Word(word)) if word == "starts" => {
                self.at += 1;
                if !self.take_word("with") {
                    return Err(self.unexpected());
                }
                return Ok(Node::StartsWith(Box::new(left), Box::new(self.primary()?)));
            }
            Some(Token::Word(word)) if word == "like_regex" => {
                self.at += 1;
                return self.like_regex(left);
            }
            Some(Token::Word(word)) if word == "is" => {
                self.at += 1;
                return if self.take_word("unknown") {
                    Ok(Node::IsUnknown(Box::new(left)))
                } else {
                    Err(self.unexpected())
                };
            }
            _ => return Ok(left),
        };
        self.at += 1;
        Ok(Node::Compare(op, Box::new(left), Box::new(self.sum()?)))
    }

    fn like_regex(&mut self, operand: Node) -> Result<Node> {
        let pattern = self.string()?;
        let flags = if self.take_word("flag") { self.string()? } else { String::new() };
        let regex = pattern::compile(&pattern, &flags_of_functions(&flags)?)?;
        Ok(Node::LikeRegex { operand: Box::new(operand), regex })
    }

    fn string(&mut self) -> Result<String> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn sum(&mut self) -> Result<Node> {
        self.computed(&[Arithmetic::Add, Arithmetic::Subtract], Self::product)
    }

    fn product(&mut self) -> Result<Node> {
        self.computed(&[Arithmetic::Multiply, Arithmetic::Divide, Arithmetic::Modulo], Self::sign)
    }

    /// Operands with operators of one rank between them.
    fn computed(&mut self, ops: &[Arithmetic], operand: fn(&mut Self) -> Result<Node>) -> Result<Node> {
        let first = operand(self)?;
        let mut others = Vec::new();
        while let Some(op) = ops.iter().find(|op| self.take(op.symbol())) {
            others.push((*op, operand(self)?));
        }
        Ok(if others.is_empty() { first } else { Node::Arithmetic(Box::new(first), others) })
    }

    fn sign(&mut self) -> Result<Node> {
        let is_minus = self.take("-");
        if is_minus || self.take("+") {
            return Ok(Node::Signed { is_minus, operand: Box::new(self.inner(Self::sign)?) });
        }
        self.primary()
    }

    /// A value and the steps from it.
    fn primary(&mut self) -> Result<Node> {
        let start = self.start()?;
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
        }
        Ok(if steps.is_empty() { start } else { Node::Steps(Box::new(start), steps) })
    }

    fn start(&mut self) -> Result<Node> {
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected()) };
        let node = match token {
            Token::Mark("$") => Node::Root,
            Token::Mark("@") => Node::Current,
            Token::Mark("(") => {
                self.at += 1;
                let inner = self.inner(Self::either)?;
                self.require(")")?;
                return Ok(inner);
            }
            Token::Variable(name) => Node::Variable(name),
            Token::Number(number) => Node::Number(number),
            Token::Text(text) => Node::Text(text),
            Token::Word(word) => match word.as_str() {
                "true" => Node::Bool(true),
                "false" => Node::Bool(false),
                "null" => Node::Null,
                "last" => Node::Last,
                "exists" => {
                    self.at += 1;
                    self.require("(")?;
                    let inner = self.inner(Self::either)?;
                    self.require(")")?;
                    return Ok(Node::Exists(Box::new(inner)));
                }
                _ => return Err(self.unexpected()),
            },
            Token::Mark(_) => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(node)
    }

    fn step(&mut self) -> Result<Option<Step>> {
        if self.take(".") {
            return self.member().map(Some);
        }
        if self.take("[") {
            return self.subscripts().map(Some);
        }
        if self.take("?") {
            self.require("(")?;
            let predicate = self.inner(Self::either)?;
            self.require(")")?;
            return Ok(Some(Step::Filter(predicate)));
        }
        Ok(None)
    }

    fn member(&mut self) -> Result<Step> {
        if self.take("**") {
            return self.descent();
        }
        if self.take("*") {
            return Ok(Step::AnyMember);
        }
        let name = match self.peek().cloned() {
            Some(Token::Word(name)) => name,
            Some(Token::Text(name)) => {
                self.at += 1;
                return Ok(Step::Member(name));
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        if !self.take("(") {
            return Ok(Step::Member(name));
        }
        self.require(")")?;
        match Method::named(&name) {
            Some(method) => Ok(Step::Method(method)),
            None => Err(not_supported(format!("the jsonpath method .{name}()"))),
        }
    }

    /// `**`, `**{n}`, `**{n to m}`, `**{n to last}`
    fn descent(&mut self) -> Result<Step> {
        if !self.take("{") {
            return Ok(Step::Descend { from: 0, to: usize::MAX });
        }
        let from = self.level()?;
        let to = if self.take_word("to") { self.level()? } else { from };
        self.require("}")?;
        Ok(Step::Descend { from, to })
    }

    fn level(&mut self) -> Result<usize> {
        if self.take_word("last") {
            return Ok(usize::MAX);
        }
        let Some(Token::Number(number)) = self.peek() else { return Err(self.unexpected()) };
        let level = number.parse().map_err(|_| syntax_error(number))?;
        self.at += 1;
        Ok(level)
    }

    fn subscripts(&mut self) -> Result<Step> {
        if self.take("*") {
            self.require("]")?;
            return Ok(Step::AnyItem);
        }
        let mut places = Vec::new();
        loop {
            let from = self.inner(Self::sum)?;
            let to = if self.take_word("to") { Some(self.inner(Self::sum)?) } else { None };
            places.push((from, to));
            if !self.take(",") {
                break;
            }
        }
        self.require("]")?;
        Ok(Step::Items(places))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::error::function_error;
    use super::super::evaluate::Evaluator;
    use super::*;
    use crate::values::Json;

    fn value(text: &str) -> String {
        let path = path(text).expect("a path");
        let items = Evaluator::new(&path, &Json::Null, None).run().expect("a result");
        items[0].text().expect("json")
    }

    #[test]
    fn what_stands_within_itself_has_a_limit() {
        let (many, few) = (100_000, 50);
        let nested: [(&str, &str, &str); 6] = [
            ("!", "(true)", ""),
            ("-", "1", ""),
            ("(", "1", ")"),
            ("$[", "0", "]"),
            ("$ ? (", "1 == 1", ")"),
            ("exists(", "$", ")"),
        ];
        for (open, inner, close) in nested {
            let text = |times: usize| format!("{}{inner}{}", open.repeat(times), close.repeat(times));
            path(&text(few)).unwrap_or_else(|error| panic!("{open}: {error}"));
            let error = path(&text(many)).expect_err("too deep");
            assert_eq!(function_error(&error).map(|error| error.sqlstate), Some("54001"), "{open}");
        }
    }

    #[test]
    fn operators_in_a_row_have_none() {
        assert_eq!(value(&format!("1{}", " + 1".repeat(100_000))), "100001");
        assert_eq!(value(&format!("(1 == 1{}) is unknown", " && 1 == 1".repeat(50_000))), "false");
        assert_eq!(value(&format!("(1 == 2{})", " || 2 == 2".repeat(50_000))), "true");
    }
}
