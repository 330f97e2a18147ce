//! Errors and notices as messages.

use peristyle_sql::{Notice, SqlError, SqlState};
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

/// Whether the connection goes on after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Fatal,
}

/// ErrorResponse with every field that the error has.
pub(crate) fn error_response(error: &SqlError, severity: Severity) -> ErrorResponse {
    let severity = match severity {
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
    };
    let position = error.position.map(|position| position.to_string());
    let routine = error.routine.map(str::to_owned);
    let mut fields = head(severity, error.code.code(), &error.message);
    let optional = [
        (b'D', &error.detail),
        (b'H', &error.hint),
        (b'P', &position),
        (b'W', &error.context),
        (b's', &error.schema),
        (b't', &error.table),
        (b'c', &error.column),
        (b'n', &error.constraint),
        (b'R', &routine),
    ];
    fields.extend(optional.into_iter().filter_map(|(field, value)| Some((field, clean(value.as_deref()?)))));
    ErrorResponse::new(fields)
}

/// NoticeResponse.
pub(crate) fn notice_response(notice: &Notice) -> NoticeResponse {
    let mut fields = head(notice.severity, notice.code, &notice.message);
    let optional = [(b'D', &notice.detail), (b'H', &notice.hint)];
    fields.extend(optional.into_iter().filter_map(|(field, value)| Some((field, clean(value.as_deref()?)))));
    NoticeResponse::new(fields)
}

/// Whether the error ends the session that it happens in (an administrator's order, the server's stop).
pub(crate) fn ends_session(error: &SqlError) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::IDLE_SESSION_TIMEOUT].contains(&error.code)
        || error.code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
}

/// 57P01, as PostgreSQL words it.
pub(crate) fn shutting_down() -> SqlError {
    SqlError::new(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}

/// The client's message is not what the protocol says (08P01).
pub(crate) fn violation(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::PROTOCOL_VIOLATION, message)
}

fn head(severity: &str, code: &str, message: &str) -> Vec<(u8, String)> {
    vec![(b'S', severity.to_owned()), (b'V', severity.to_owned()), (b'C', code.to_owned()), (b'M', clean(message))]
}

/// A field ends at its first NUL: one inside (from data quoted in a message) would break the message.
fn clean(value: &str) -> String {
    value.replace('\0', "\\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_letter() {
        let error = SqlError::new(SqlState::NOT_NULL_VIOLATION, "m")
            .detail("d")
            .hint("h")
            .position(3)
            .context("w")
            .schema("s")
            .table("t")
            .column("c")
            .constraint("n")
            .routine("r");
        let fields = error_response(&error, Severity::Error).fields;
        let text: String = fields.iter().map(|(letter, value)| format!("{}={value} ", *letter as char)).collect();
        assert_eq!(text, "S=ERROR V=ERROR C=23502 M=m D=d H=h P=3 W=w s=s t=t c=c n=n R=r ");
    }

    #[test]
    fn a_nul_in_a_message_does_not_cut_it() {
        let fields = error_response(&SqlError::internal("a\0b"), Severity::Fatal).fields;
        assert_eq!(fields[3], (b'M', "a\\0b".to_owned()));
        assert_eq!(fields[0].1, "FATAL");
    }
}
