//! Evaluation of a path over a document.

use datafusion::common::DataFusionError;

use super::super::error::{error, function_error};
use super::super::json::member;
use super::item::Item;
use super::number;
use super::syntax::{Comparison, Method, Node, Path, Step};
use crate::values::Json;

/// Why a path could not be followed; a filter takes it for unknown, if it is not fatal.
#[derive(Debug)]
pub(super) struct Failure {
    sqlstate: &'static str,
    message: String,
    /// Whether it is an error of the path, which nothing hides.
    pub(super) is_fatal: bool,
}

impl Failure {
    pub(super) fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Failure { sqlstate, message: message.into(), is_fatal: false }
    }

    fn fatal(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Failure { is_fatal: true, ..Failure::new(sqlstate, message) }
    }

    /// That of a function.
    fn fatal_of(failure: &DataFusionError) -> Self {
        match function_error(failure) {
            Some(error) => Failure::fatal(error.sqlstate, &error.message),
            None => Failure::fatal("XX000", failure.to_string()),
        }
    }

    pub(super) fn into_error(self) -> DataFusionError {
        error(self.sqlstate, self.message)
    }
}

type Items<'v> = Result<Vec<Item<'v>>, Failure>;
/// Whether a predicate holds; `None` is unknown. Only what is fatal is an error.
type Truth = Result<Option<bool>, Failure>;

/// One evaluation.
pub(super) struct Evaluator<'v> {
    path: &'v Path,
    root: &'v Json<'v>,
    /// Without them each variable is null.
    variables: Option<&'v Json<'v>>,
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
    pub(super) fn new(path: &'v Path, root: &'v Json<'v>, variables: Option<&'v Json<'v>>) -> Self {
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
                None => Err(Failure::fatal("42601", "LAST is allowed only in array subscripts")),
            },
            Node::Variable(name) => self.variable(name).map(|value| vec![value]),
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
            Node::Arithmetic(first, others) => {
                let first = self.items(first, place)?;
                others.iter().try_fold(first, |left, (op, right)| {
                    let (left, right) = (self.unwrapped(left), self.unwrapped(self.items(right, place)?));
                    Ok(vec![Item::Number(number::computed(*op, &left, &right)?)])
                })
            }
            predicate => one(self.truth(predicate, place)?.map_or(Item::Null, Item::Bool)),
        }
    }

    fn variable(&self, name: &str) -> Result<Item<'v>, Failure> {
        let Some(variables) = self.variables else { return Ok(Item::Null) };
        let missing = || Failure::fatal("42704", format!("could not find jsonpath variable \"{name}\""));
        member(variables, name).map(Item::Part).ok_or_else(missing)
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
            Step::Filter(predicate) => self.each(self.unwrapped(items), |item| {
                let holds = self.truth(predicate, Place { current: Some(&item), last: place.last })?;
                Ok(if holds == Some(true) { vec![item] } else { Vec::new() })
            }),
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

    fn truth(&self, node: &Node, place: Place<'_, 'v>) -> Truth {
        match node {
            Node::And(operands) => self.decisive(operands, false, place),
            Node::Or(operands) => self.decisive(operands, true, place),
            Node::Not(inner) => Ok(self.truth(inner, place)?.map(|truth| !truth)),
            Node::IsUnknown(inner) => Ok(Some(self.truth(inner, place)?.is_none())),
            Node::Exists(inner) => Ok(self.tolerated(inner, place)?.map(|items| !items.is_empty())),
            Node::Compare(op, left, right) => self.any_pair(left, right, place, |a, b| compared(*op, a, b)),
            Node::StartsWith(text, start) => {
                self.any_pair(text, start, place, |text, start| Some(text.as_text()?.starts_with(start.as_text()?)))
            }
            Node::LikeRegex { operand, regex } => {
                let items = self.tolerated(operand, place)?.map(|items| self.unwrapped(items));
                let Some(items) = items else { return Ok(None) };
                let test = |item: &Item<'_>| item.as_text().map(|text| regex.is_match(text)).transpose();
                let tested = items.iter().map(test).collect::<datafusion::common::Result<Vec<_>>>();
                let tested = tested.map_err(|failure| Failure::fatal_of(&failure))?;
                Ok(self.decided(tested.into_iter()))
            }
            other => Ok(match self.tolerated(other, place)?.as_deref() {
                Some([item]) => item.as_bool(),
                _ => None,
            }),
        }
    }

    /// AND and OR: the first operand that is `decisive` settles it, else one that is unknown leaves it so.
    fn decisive(&self, operands: &[Node], decisive: bool, place: Place<'_, 'v>) -> Truth {
        let mut all = Some(!decisive);
        for operand in operands {
            match self.truth(operand, place)? {
                Some(truth) if truth == decisive => return Ok(Some(decisive)),
                None => all = None,
                Some(_) => {}
            }
        }
        Ok(all)
    }

    /// What an expression gives; `None` where it fails, which leaves the predicate unknown.
    fn tolerated(&self, node: &Node, place: Place<'_, 'v>) -> Result<Option<Vec<Item<'v>>>, Failure> {
        match self.items(node, place) {
            Err(failure) if !failure.is_fatal => Ok(None),
            items => items.map(Some),
        }
    }

    fn any_pair(
        &self,
        left: &Node,
        right: &Node,
        place: Place<'_, 'v>,
        test: impl Fn(&Item<'v>, &Item<'v>) -> Option<bool>,
    ) -> Truth {
        let (Some(left), Some(right)) = (self.tolerated(left, place)?, self.tolerated(right, place)?) else {
            return Ok(None);
        };
        let (left, right) = (self.unwrapped(left), self.unwrapped(right));
        Ok(self.decided(left.iter().flat_map(|a| right.iter().map(|b| test(a, b)).collect::<Vec<_>>())))
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
