//! Evaluation of a path over a document.

use datafusion::common::DataFusionError;

use super::super::error::error;
use super::super::json::member;
use super::super::pattern;
use super::item::Item;
use super::number;
use super::syntax::{Comparison, Method, Node, Path, Step};
use crate::values::Json;

/// Why a path could not be followed; a filter takes it for unknown.
#[derive(Debug)]
pub(super) struct Failure {
    sqlstate: &'static str,
    message: String,
}

impl Failure {
    pub(super) fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Failure { sqlstate, message: message.into() }
    }

    pub(super) fn into_error(self) -> DataFusionError {
        error(self.sqlstate, self.message)
    }
}

type Items<'v> = Result<Vec<Item<'v>>, Failure>;

/// One evaluation.
pub(super) struct Evaluator<'v> {
    path: &'v Path,
    root: &'v Json<'v>,
    variables: &'v Json<'v>,
}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
struct Place<'a, 'v> {
    /// `@`
    current: Option<&'a Item<'v>>,
    /// `last`
    last: Option<usize>,
}

impl<'v> Evaluator<'v> {
    pub(super) fn new(path: &'v Path, root: &'v Json<'v>, variables: &'v Json<'v>) -> Self {
        Evaluator { path, root, variables }
    }

    /// What the path finds.
    pub(super) fn run(&self) -> Items<'v> {
        self.items(&self.path.root, Place { current: None, last: None })
    }

    fn is_lax(&self) -> bool {
        !self.path.is_strict
    }

    fn items(&self, node: &Node, place: Place<'_, 'v>) -> Items<'v> {
        let one = |item| Ok(vec![item]);
        match node {
            Node::Root => one(Item::Part(self.root)),
            Node::Current => one(place.current.cloned().unwrap_or(Item::Part(self.root))),
            Node::Last => match place.last {
                Some(last) => one(Item::Number(last.to_string())),
                None => Err(Failure::new("42601", "LAST is allowed only in array subscripts")),
            },
            Node::Variable(name) => match member(self.variables, name) {
                Some(value) => one(Item::Part(value)),
                None => Err(Failure::new("42704", format!("could not find jsonpath variable \"{name}\""))),
            },
            Node::Null => one(Item::Null),
            Node::Bool(value) => one(Item::Bool(*value)),
            Node::Number(number) => one(Item::Number(number.clone())),
            Node::Text(text) => one(Item::Text(text.clone())),
            Node::Steps(start, steps) => {
                let start = self.items(start, place)?;
                steps.iter().try_fold(start, |items, step| self.step(items, step, place))
            }
            Node::Signed { is_minus, operand } => {
                let operands = self.unwrapped(self.items(operand, place)?);
                let signed = |item: &Item<'_>| number::signed(item, *is_minus).map(Item::Number);
                operands.iter().map(signed).collect()
            }
            Node::Arithmetic(op, left, right) => {
                let (left, right) = (self.items(left, place)?, self.items(right, place)?);
                let result = number::computed(*op, &self.unwrapped(left), &self.unwrapped(right))?;
                one(Item::Number(result))
            }
            predicate => one(self.truth(predicate, place).map_or(Item::Null, Item::Bool)),
        }
    }

    /// In lax mode the items of arrays instead of the arrays.
    fn unwrapped(&self, items: Vec<Item<'v>>) -> Vec<Item<'v>> {
        if !self.is_lax() {
            return items;
        }
        let unwrapped = items.into_iter().flat_map(|item| match item.as_array() {
            Some(array) => array.iter().map(Item::Part).collect(),
            None => vec![item],
        });
        unwrapped.collect()
    }

    fn step(&self, items: Vec<Item<'v>>, step: &Step, place: Place<'_, 'v>) -> Items<'v> {
        match step {
            Step::Member(key) => {
                let found = self.unwrapped(items).into_iter().map(|item| self.member_of(&item, key));
                Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
            Step::AnyMember => self.each(self.unwrapped(items), |item| match item {
                Item::Part(Json::Object(members)) => Ok(members.iter().map(|(_, value)| Item::Part(value)).collect()),
                _ => self.missing("2203C", "jsonpath wildcard member accessor can only be applied to an object"),
            }),
            Step::AnyItem => self.each(items, |item| match item.as_array() {
                Some(array) => Ok(array.iter().map(Item::Part).collect()),
                None if self.is_lax() => Ok(vec![item]),
                None => self.missing("22039", "jsonpath wildcard array accessor can only be applied to an array"),
            }),
            Step::Items(places) => self.each(items, |item| self.subscripted(item, places, place)),
            Step::Descend { from, to } => self.each(items, |item| {
                let mut found = Vec::new();
                descend(&item, 0, *from, *to, &mut found);
                Ok(found)
            }),
            Step::Filter(predicate) => {
                let holds = |item: &Item<'v>| {
                    self.truth(predicate, Place { current: Some(item), last: place.last }) == Some(true)
                };
                Ok(self.unwrapped(items).into_iter().filter(holds).collect())
            }
            Step::Method(method @ (Method::Type | Method::Size)) => {
                items.iter().map(|item| self.applied(*method, item)).collect()
            }
            Step::Method(method) => self.unwrapped(items).iter().map(|item| self.applied(*method, item)).collect(),
        }
    }

    fn each(&self, items: Vec<Item<'v>>, find: impl Fn(Item<'v>) -> Items<'v>) -> Items<'v> {
        let mut all = Vec::new();
        for item in items {
            all.append(&mut find(item)?);
        }
        Ok(all)
    }

    /// What is not there is nothing in lax mode, and a failure in strict mode.
    fn missing(&self, sqlstate: &'static str, message: &str) -> Items<'v> {
        if self.is_lax() { Ok(Vec::new()) } else { Err(Failure::new(sqlstate, message)) }
    }

    fn member_of(&self, item: &Item<'v>, key: &str) -> Items<'v> {
        match item {
            Item::Part(object @ Json::Object(_)) => match member(object, key) {
                Some(value) => Ok(vec![Item::Part(value)]),
                None => self.missing("2203A", &format!("JSON object does not contain key \"{key}\"")),
            },
            _ => self.missing("2203A", "jsonpath member accessor can only be applied to an object"),
        }
    }

    fn subscripted(&self, item: Item<'v>, places: &[(Node, Option<Node>)], place: Place<'_, 'v>) -> Items<'v> {
        let array: Vec<Item<'v>> = match item.as_array() {
            Some(array) => array.iter().map(Item::Part).collect(),
            None if self.is_lax() => vec![item.clone()],
            None => return self.missing("22039", "jsonpath array accessor can only be applied to an array"),
        };
        let inner = Place { last: Some(array.len().saturating_sub(1)), ..place };
        let mut found = Vec::new();
        for (from, to) in places {
            let from = self.subscript(from, inner)?;
            let to = to.as_ref().map_or(Ok(from), |to| self.subscript(to, inner))?;
            let count = array.len() as i64;
            if !self.is_lax() && (from < 0 || from > to || to >= count) {
                return Err(Failure::new("22033", "jsonpath array subscript is out of bounds"));
            }
            let within = from.max(0)..=to.min(count - 1);
            found.extend(within.filter_map(|at| array.get(at as usize).cloned()));
        }
        Ok(found)
    }

    fn subscript(&self, node: &Node, place: Place<'_, 'v>) -> Result<i64, Failure> {
        let bad = || Failure::new("22033", "jsonpath array subscript is not a single numeric value");
        match self.items(node, place)?.as_slice() {
            [item] => item.as_number().and_then(number::truncated).ok_or_else(bad),
            _ => Err(bad()),
        }
    }

    fn applied(&self, method: Method, item: &Item<'v>) -> Result<Item<'v>, Failure> {
        match method {
            Method::Type => Ok(Item::Text(item.type_name().to_owned())),
            Method::Size => match item.as_array() {
                Some(array) => Ok(Item::Number(array.len().to_string())),
                None if self.is_lax() => Ok(Item::Number("1".to_owned())),
                None => Err(Failure::new("22039", "jsonpath item method .size() can only be applied to an array")),
            },
            method => number::of_method(method, item).map(Item::Number),
        }
    }

    /// Whether a predicate holds; `None` is unknown.
    fn truth(&self, node: &Node, place: Place<'_, 'v>) -> Option<bool> {
        match node {
            Node::And(left, right) => match (self.truth(left, place), self.truth(right, place)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Node::Or(left, right) => match (self.truth(left, place), self.truth(right, place)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Node::Not(inner) => self.truth(inner, place).map(|truth| !truth),
            Node::IsUnknown(inner) => Some(self.truth(inner, place).is_none()),
            Node::Exists(inner) => self.items(inner, place).ok().map(|items| !items.is_empty()),
            Node::Compare(op, left, right) => self.any_pair(left, right, place, |a, b| compared(*op, a, b)),
            Node::StartsWith(text, start) => {
                self.any_pair(text, start, place, |text, start| Some(text.as_text()?.starts_with(start.as_text()?)))
            }
            Node::LikeRegex { operand, pattern, flags } => {
                let regex = pattern::compile(pattern, flags).ok()?;
                self.any(operand, place, |item| Some(regex.is_match(item.as_text()?)))
            }
            other => match self.items(other, place).ok()?.as_slice() {
                [item] => item.as_bool(),
                _ => None,
            },
        }
    }

    fn any(&self, node: &Node, place: Place<'_, 'v>, test: impl Fn(&Item<'v>) -> Option<bool>) -> Option<bool> {
        let items = self.unwrapped(self.items(node, place).ok()?);
        self.decided(items.iter().map(test))
    }

    fn any_pair(
        &self,
        left: &Node,
        right: &Node,
        place: Place<'_, 'v>,
        test: impl Fn(&Item<'v>, &Item<'v>) -> Option<bool>,
    ) -> Option<bool> {
        let left = self.unwrapped(self.items(left, place).ok()?);
        let right = self.unwrapped(self.items(right, place).ok()?);
        self.decided(left.iter().flat_map(|a| right.iter().map(|b| test(a, b)).collect::<Vec<_>>()))
    }

    /// Whether one of the tests holds. In strict mode one that is unknown leaves all unknown, in lax mode the first
    /// that is true or unknown decides.
    fn decided(&self, tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
        let mut holds = false;
        for test in tests {
            match test {
                None => return None,
                Some(true) if self.is_lax() => return Some(true),
                Some(test) => holds |= test,
            }
        }
        Some(holds)
    }
}

/// The item and what it contains, of the levels asked for, each before its own parts.
fn descend<'v>(item: &Item<'v>, level: usize, from: usize, to: usize, found: &mut Vec<Item<'v>>) {
    let parts: Vec<Item<'v>> = match item {
        Item::Part(Json::Array(items)) => items.iter().map(Item::Part).collect(),
        Item::Part(Json::Object(members)) => members.iter().map(|(_, value)| Item::Part(value)).collect(),
        _ => Vec::new(),
    };
    // `{last}` asks for what has no parts.
    if if from == usize::MAX { parts.is_empty() } else { level >= from } {
        found.push(item.clone());
    }
    if level < to {
        parts.iter().for_each(|part| descend(part, level + 1, from, to, found));
    }
}

fn compared(op: Comparison, left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    let Some(order) = left.compare(right) else {
        // null is neither equal to what is no null, nor above or below it.
        let has_null = left.is_null() || right.is_null();
        return has_null.then_some(op == Comparison::NotEqual);
    };
    Some(match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}
