//! Which of PostgreSQL's functions of one name takes arguments of which the types of some are not known: the rules of
//! its manual, "Functions" in the chapter "Type Conversion".

use peristyle_catalog::model::{PgType, TypeKind};

use crate::pg_catalog::functions_named;
use crate::semantics::category::{Category, category, comparison_type};

const ANY_ELEMENT: [u32; 2] = [2283, 5077];
const ANY_ARRAY: [u32; 2] = [2277, 5078];
const ANY: u32 = 2276;

/// The type of each argument; `None` for one whose parameter says none. `None` if there is no such function, or none
/// that is better than the others.
pub(super) fn choose(name: &str, arguments: &[Option<PgType>]) -> Option<Vec<Option<PgType>>> {
    let takes = |parameters: &Vec<u32>| parameters.iter().zip(arguments).all(|(to, from)| is_cast(*from, *to));
    let functions = functions_named(name).iter().filter_map(|function| function.parameters(arguments.len()));
    let functions: Vec<Vec<u32>> = functions.filter(takes).collect();
    let mut candidates: Vec<&[u32]> = functions.iter().map(Vec::as_slice).collect();
    keep_best(&mut candidates, |parameters| exact(parameters, arguments));
    if candidates.len() > 1 {
        keep_best(&mut candidates, |parameters| exact(parameters, arguments) + preferred(parameters, arguments));
    }
    for at in (0..arguments.len()).filter(|at| arguments[*at].is_none()) {
        narrow(&mut candidates, at);
    }
    let [parameters] = candidates.as_slice() else { return same_for_all(&candidates, arguments) };
    Some(settled(parameters, arguments))
}

/// Those of which a count is the highest.
fn keep_best(candidates: &mut Vec<&[u32]>, count: impl Fn(&[u32]) -> usize) {
    let best = candidates.iter().map(|parameters| count(parameters)).max().unwrap_or(0);
    candidates.retain(|parameters| count(parameters) == best);
}

fn exact(parameters: &[u32], arguments: &[Option<PgType>]) -> usize {
    parameters.iter().zip(arguments).filter(|(to, from)| from.is_some_and(|from| from.oid == **to)).count()
}

/// Parameters of the type that its family prefers, where a known argument must be cast.
fn preferred(parameters: &[u32], arguments: &[Option<PgType>]) -> usize {
    let is_preferred = |(to, from): &(&u32, &Option<PgType>)| {
        from.is_some_and(|from| from.oid != **to) && PREFERRED.iter().any(|ty| ty.oid == **to)
    };
    parameters.iter().zip(arguments).filter(is_preferred).count()
}

/// The preferred types of the families of types.
const PREFERRED: [PgType; 5] = [PgType::FLOAT8, PgType::TIMESTAMPTZ, PgType::BOOL, PgType::TEXT, PgType::INTERVAL];

/// An argument that is not known is a text if it can be, else of the family that all candidates have there, and of its
/// preferred type if one has it.
fn narrow(candidates: &mut Vec<&[u32]>, at: usize) {
    let family = |parameters: &[u32]| category(PgType::plain(parameters[at]));
    if candidates.iter().any(|parameters| family(parameters) == Category::Text) {
        candidates.retain(|parameters| family(parameters) == Category::Text);
    } else if let Some(first) = candidates.first().map(|parameters| family(parameters))
        && candidates.iter().any(|parameters| family(parameters) != first)
    {
        return;
    }
    let is_preferred = |parameters: &&[u32]| PREFERRED.iter().any(|ty| ty.oid == parameters[at]);
    if candidates.iter().any(is_preferred) {
        candidates.retain(is_preferred);
    }
}

/// The last of the rules: what is not known has the type of what is, if that leaves one.
fn same_for_all(candidates: &[&[u32]], arguments: &[Option<PgType>]) -> Option<Vec<Option<PgType>>> {
    let mut known = arguments.iter().flatten();
    let first = known.next()?;
    if known.any(|other| other.oid != first.oid) {
        return None;
    }
    let is_same = |parameters: &&&[u32]| {
        parameters.iter().zip(arguments).all(|(to, from)| from.is_some() || is_cast(Some(*first), *to))
    };
    let mut left = candidates.iter().filter(is_same);
    let chosen = left.next().filter(|_| left.next().is_none())?;
    Some(settled(chosen, arguments))
}

/// Whether an argument is taken without an explicit cast.
fn is_cast(from: Option<PgType>, to: u32) -> bool {
    let Some(from) = from else { return true };
    if from.oid == to || to == ANY || ANY_ELEMENT.contains(&to) {
        return true;
    }
    if ANY_ARRAY.contains(&to) {
        return from.item().is_some();
    }
    let to = PgType::plain(to);
    let is_text = category(from) == Category::Text && category(to) == Category::Text;
    is_text || comparison_type(from, to).is_some_and(|shared| shared.oid == to.oid)
}

/// Parameters of any type have that of the arguments that are known.
fn settled(parameters: &[u32], arguments: &[Option<PgType>]) -> Vec<Option<PgType>> {
    let item = parameters.iter().zip(arguments).find_map(|(to, from)| match from {
        Some(from) if ANY_ARRAY.contains(to) => from.item(),
        Some(from) if ANY_ELEMENT.contains(to) => Some(*from),
        _ => None,
    });
    let ty = |to: &u32| match to {
        to if ANY_ELEMENT.contains(to) => item,
        to if ANY_ARRAY.contains(to) => item.and_then(PgType::array),
        to => Some(PgType::plain(*to)).filter(|ty| ty.kind().is_some_and(is_settable) || ty.element().is_some()),
    };
    parameters.iter().map(ty).collect()
}

fn is_settable(kind: TypeKind) -> bool {
    kind != TypeKind::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_function_of_a_name_says_all_types() {
        let all = |types: &[PgType]| Some(types.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(choose("make_date", &[None; 3]), all(&[PgType::INT4; 3]));
        assert_eq!(choose("left", &[None; 2]), all(&[PgType::TEXT, PgType::INT4]));
        assert_eq!(choose("pg_advisory_lock", &[None]), all(&[PgType::INT8]));
        assert_eq!(choose("nextval", &[None]), all(&[PgType::plain(TypeKind::Regclass.oid())]));
    }

    #[test]
    fn known_arguments_choose_among_several() {
        let ts = Some(PgType::TIMESTAMPTZ);
        assert_eq!(choose("age", &[None, ts]), Some(vec![ts, ts]));
        assert_eq!(choose("mod", &[Some(PgType::INT4), None]), Some(vec![Some(PgType::INT4); 2]));
        assert_eq!(choose("power", &[None, Some(PgType::INT4)]), Some(vec![Some(PgType::FLOAT8); 2]));
        assert_eq!(choose("round", &[None, Some(PgType::INT4)]), Some(vec![Some(PgType::NUMERIC), Some(PgType::INT4)]));
    }

    #[test]
    fn nothing_known_prefers_texts_and_preferred_types() {
        assert_eq!(choose("length", &[None]), Some(vec![Some(PgType::TEXT)]));
        assert_eq!(choose("sqrt", &[None]), Some(vec![Some(PgType::FLOAT8)]));
        assert_eq!(choose("age", &[None]), None, "it is not unique");
        assert_eq!(choose("nosuch", &[None]), None);
    }

    #[test]
    fn defaults_and_any_number_of_values_count() {
        let texts = PgType::TEXT.array();
        let jsonb = Some(PgType::JSONB);
        assert_eq!(choose("jsonb_set", &[None; 3]), Some(vec![jsonb, texts, jsonb]));
        let path = [jsonb, None, None];
        assert_eq!(choose("jsonb_extract_path_text", &path), Some(vec![jsonb, Some(PgType::TEXT), Some(PgType::TEXT)]));
    }

    #[test]
    fn any_element_is_one_of_the_array() {
        let numbers = PgType::INT4.array();
        assert_eq!(choose("array_append", &[numbers, None]), Some(vec![numbers, Some(PgType::INT4)]));
        let lag = [Some(PgType::INT4), Some(PgType::INT4), None];
        assert_eq!(choose("lag", &lag), Some(vec![Some(PgType::INT4); 3]));
    }
}
