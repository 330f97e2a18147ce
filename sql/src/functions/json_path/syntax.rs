//! What a path is made of.

use crate::functions::regular_expression::RegularExpression;

/// A parsed path.
#[derive(Debug)]
pub(super) struct Path {
    /// Whether a member that is missing is an error, and arrays are not unwrapped.
    pub(super) is_strict: bool,
    pub(super) root: Node,
}

/// An expression, or a predicate.
#[derive(Debug)]
pub(super) enum Node {
    Root,
    Current,
    /// The last place of the array that is subscripted.
    Last,
    Variable(String),
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// What steps lead to from where they begin.
    Steps(Box<Node>, Vec<Step>),
    /// `+` or `-` before a number.
    Signed {
        is_minus: bool,
        operand: Box<Node>,
    },
    /// Operands of operators of one rank, from the left.
    Arithmetic(Box<Node>, Vec<(Arithmetic, Node)>),
    Compare(Comparison, Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsUnknown(Box<Node>),
    Exists(Box<Node>),
    StartsWith(Box<Node>, Box<Node>),
    LikeRegex {
        operand: Box<Node>,
        regex: RegularExpression,
    },
}

impl Node {
    /// Whether it holds or not, and is no value.
    pub(super) fn is_predicate(&self) -> bool {
        matches!(
            self,
            Node::Compare(..)
                | Node::And(_)
                | Node::Or(_)
                | Node::Not(_)
                | Node::IsUnknown(_)
                | Node::Exists(_)
                | Node::StartsWith(..)
                | Node::LikeRegex { .. }
        )
    }
}

#[derive(Debug)]
pub(super) enum Step {
    /// `.key`
    Member(String),
    /// `.*`
    AnyMember,
    /// `[*]`
    AnyItem,
    /// `[from to upto, …]`
    Items(Vec<(Node, Option<Node>)>),
    /// `.**{from to upto}`; no end is any depth.
    Descend {
        from: usize,
        to: usize,
    },
    /// `? (predicate)`
    Filter(Node),
    Method(Method),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    Type,
    Size,
    Double,
    Ceiling,
    Floor,
    Abs,
}

impl Method {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Type => "type",
            Method::Size => "size",
            Method::Double => "double",
            Method::Ceiling => "ceiling",
            Method::Floor => "floor",
            Method::Abs => "abs",
        }
    }

    pub(super) fn named(name: &str) -> Option<Method> {
        let all = [Method::Type, Method::Size, Method::Double, Method::Ceiling, Method::Floor, Method::Abs];
        all.into_iter().find(|method| method.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Arithmetic {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
