//! The operators of json and jsonb, as names of functions.

use peristyle_catalog::model::PgType;
use sqlparser::ast::BinaryOperator;

pub(crate) const CONCAT: &str = "pg_op_jsonb_concat";

/// The function that an operator on json stands for; `None` if it is no operator of json.
pub(crate) fn function_of(op: &BinaryOperator, left: Option<PgType>, right: Option<PgType>) -> Option<&'static str> {
    use BinaryOperator as B;
    let is_json = |ty: Option<PgType>| matches!(ty, Some(PgType::JSON | PgType::JSONB));
    let either_json = is_json(left) || is_json(right);
    match op {
        B::Arrow => Some("pg_op_json_get"),
        B::LongArrow => Some("pg_op_json_get_text"),
        B::HashArrow => Some("pg_op_json_path"),
        B::HashLongArrow => Some("pg_op_json_path_text"),
        B::AtArrow if either_json => Some("pg_op_jsonb_contains"),
        B::ArrowAt if either_json => Some("pg_op_jsonb_contained"),
        B::Question if is_json(left) => Some("pg_op_jsonb_exists"),
        B::QuestionPipe if is_json(left) => Some("pg_op_jsonb_exists_any"),
        B::QuestionAnd if is_json(left) => Some("pg_op_jsonb_exists_all"),
        _ => None,
    }
}
