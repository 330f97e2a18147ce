//! The operators of json and jsonb, as names of functions.

use peristyle_catalog::model::PgType;
use sqlparser::ast::BinaryOperator;

use super::{json_path, json_text};

pub(crate) const CONCAT: &str = "pg_op_jsonb_concat";
/// `jsonb - text`, `- integer` and `- text[]`.
pub(crate) const DELETE: &str = "pg_op_jsonb_delete";

/// The function that an operator on json stands for; `None` if it is no operator of json.
pub(crate) fn function_of(op: &BinaryOperator, left: Option<PgType>, right: Option<PgType>) -> Option<&'static str> {
    use BinaryOperator as B;
    let is_jsonb = |ty: Option<PgType>| ty == Some(PgType::JSONB);
    let of_either = |json: &'static str, jsonb: &'static str| if left == Some(PgType::JSON) { json } else { jsonb };
    match op {
        B::Arrow => Some(of_either(json_text::GET, "pg_op_json_get")),
        B::LongArrow => Some(of_either(json_text::GET_TEXT, "pg_op_json_get_text")),
        B::HashArrow => Some(of_either(json_text::PATH, "pg_op_json_path")),
        B::HashLongArrow => Some(of_either(json_text::PATH_TEXT, "pg_op_json_path_text")),
        B::HashMinus => Some("pg_op_jsonb_delete_path"),
        B::AtArrow if is_jsonb(left) || is_jsonb(right) => Some("jsonb_contains"),
        B::ArrowAt if is_jsonb(left) || is_jsonb(right) => Some("jsonb_contained"),
        B::AtQuestion if is_jsonb(left) => Some(json_path::EXISTS),
        B::AtAt if is_jsonb(left) => Some(json_path::MATCHES),
        B::Question if is_jsonb(left) => Some("jsonb_exists"),
        B::QuestionPipe if is_jsonb(left) => Some("jsonb_exists_any"),
        B::QuestionAnd if is_jsonb(left) => Some("jsonb_exists_all"),
        _ => None,
    }
}
